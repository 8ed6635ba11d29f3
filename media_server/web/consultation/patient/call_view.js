/** The call: the room as everybody sees it, with messages, photos and the patient's consents at hand. DOM only. */

import { h } from "../../page/dom.js";
import { RoomView } from "../../page/room_view.js";
import { t as callText } from "../../page/i18n.js";
import { ChatPanel } from "../parts/chat.js";
import { symbol } from "../parts/symbols.js";
import { Tool } from "../parts/tool.js";
import { t } from "./i18n.js";
import { takePhoto } from "./photo.js";
import { ReturnOffer } from "./return_offer.js";

/** @typedef {import("./visit.js").Visit} Visit */

export class CallView {
  #visit;
  #room;
  #chat;
  #offer;
  #tool = new Tool("chat", "chat", () => this.#chat.toggle());
  #consents = h("button.quiet.consents-button", { type: "button", "data-action": "consents" });
  element;

  /** @param {Visit} visit */
  constructor(visit) {
    const { app, client, media, consultation } = visit;
    this.#visit = visit;
    this.#chat = visit.chat ??= new ChatPanel({
      client, api: app.api, consultation: consultation.id, announce: (text) => app.say(text), changed: () => visit.onChat(),
      photo: () => void takePhoto(media, (photo) => visit.chat?.sendFile(photo) ?? Promise.resolve(false)),
    });
    this.#chat.addKnown(consultation.attachments ?? []);
    visit.onChat = () => this.#render();
    this.#room = new RoomView(client, media, false, {
      announce: (text) => app.say(text), status: app.status, tools: [this.#tool.element], leave: () => void visit.hangUp(), words: visit.recordingWords,
    });
    this.#consents.addEventListener("click", () => visit.consents.open());
    app.status.append(this.#consents);
    this.#offer = new ReturnOffer(visit);
    this.element = h("div.callroom", {}, this.#offer.element, this.#room.element, this.#chat.element);
    this.#render();
  }

  get title() {
    return callText("call.title");
  }

  /** In another language. */
  render() {
    this.#room.render();
    this.#offer.render();
    this.#render();
  }

  close() {
    this.#room.close();
    this.#offer.close();
    this.#visit.onChat = () => {};
  }

  #render() {
    this.#tool.render(t("call.chat"), { count: this.#chat.unread, countText: t("call.unread", { count: this.#chat.unread }), pressed: this.#chat.open });
    this.#consents.replaceChildren(symbol("shield"), h("span", {}, t("consents.mine")));
    this.#consents.setAttribute("aria-label", t("consents.mine"));
  }
}
