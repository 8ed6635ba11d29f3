/** Messages, photos and documents as one of the doctor's tabs: the shared chat, which is here always open. DOM only. */

import { h } from "../../page/dom.js";
import { ChatPanel as Chat } from "../parts/chat.js";
import { t, words } from "./i18n.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */

export class ChatPanel {
  #case;
  #client;
  #inCall;
  #chat;
  #visible = false;
  #later = h("p.fine", {}, words("chat.later"));
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {OpenCase} open
   * @param {import("../../client.js").TeleconsultClient} client
   * @param {() => boolean} inCall
   * @param {(text: string) => void} announce
   * @param {() => void} changed  something new, or seen
   */
  constructor(api, open, client, inCall, announce, changed) {
    this.#case = open;
    this.#client = client;
    this.#inCall = inCall;
    this.#chat = new Chat({ client, api, consultation: open.id, announce, changed: () => this.#keepOpen(changed) });
    this.element = h("div.panel-body.chat-body", {}, this.#later, this.#chat.element);
    this.render();
  }

  get unread() {
    return this.#chat.unread;
  }

  /** Whether the tab is on screen: only then is what comes in read. @param {boolean} visible */
  shown(visible) {
    this.#visible = visible;
    const before = document.activeElement;
    this.#chat.toggle(visible);
    // Whoever walks along the tabs with the arrows stays on them.
    if (visible && before instanceof HTMLElement && before !== document.body) before.focus({ preventScroll: true });
  }

  render() {
    const inCall = this.#inCall();
    this.#later.hidden = inCall || this.#case.closed;
    this.element.classList.toggle("quiet-chat", !inCall);
    const { attachments = [], patient } = this.#case.consultation;
    const name = (/** @type {string} */ id) => id === patient?.id ? (patient?.name ?? "")
      : id === this.#client.self?.id ? t("chat.from.doctor") : this.#nameOf(id);
    this.#chat.addKnown(attachments.map((attachment) => ({ ...attachment, from: name(attachment.from ?? "") })));
  }

  focus() {
    this.element.querySelector("textarea")?.focus();
  }

  close() {
    this.#chat.close();
  }

  /** @param {string} id  of a participant, who may have left */
  #nameOf(id) {
    return this.#client.participants.find((other) => other.id === id)?.name ?? t("guests.somebody");
  }

  /** It has a cross and an Escape of its own, which mean nothing in a tab. @param {() => void} changed */
  #keepOpen(changed) {
    if (this.#visible && !this.#chat.open) this.#chat.toggle(true);
    changed();
  }
}
