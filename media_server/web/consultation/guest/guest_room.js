/** The call as a guest has it: the room, and messages beside it. Photos and documents are not for guests. DOM only. */

import { h } from "../../page/dom.js";
import { RoomView } from "../../page/room_view.js";
import { ConsentTexts } from "../consent_texts.js";
import { ChatPanel } from "../parts/chat.js";
import { Tool } from "../parts/tool.js";
import { RecordingWords } from "../recording_words.js";
import { t } from "./i18n.js";

export class GuestRoom {
  #room;
  #chat;
  #tool = new Tool("chat", "chat", () => this.#chat.toggle());
  element;

  /**
   * @param {import("../api.js").Api} api @param {import("../../client.js").TeleconsultClient} client
   * @param {import("../../page/local_media.js").LocalMedia} media @param {string} consultation
   * @param {{announce: (text: string) => void, status: HTMLElement}} page
   */
  constructor(api, client, media, consultation, page) {
    this.#chat = new ChatPanel({ client, api, consultation, announce: page.announce, changed: () => this.#render() });
    this.#room = new RoomView(client, media, false, { ...page, tools: [this.#tool.element], words: new RecordingWords(new ConsentTexts(api)) });
    this.element = h("div.callroom.guest", {}, this.#room.element, this.#chat.element);
    this.#render();
  }

  get durationS() {
    return this.#room.durationS;
  }

  /** In another language. */
  render() {
    this.#room.render();
    this.#render();
  }

  close() {
    this.#chat.close();
    this.#room.close();
  }

  #render() {
    const { unread, open } = this.#chat;
    this.#tool.render(t("chat"), { count: unread, countText: t("unread", { count: unread }), pressed: open });
  }
}
