/** Who is in the waiting room, for the doctor to let in. DOM only. */

import { h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { nameOf } from "./stage.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client.js").Participant} Participant */

/** One who waits. It stays the same element as long as they do, so that the keyboard's focus does. */
class Knock {
  #name = h("strong");
  #role = h("small");
  #refuse;
  #admit;
  /** Whether they are about to be sent away: the second click does it. */
  #doubted = false;
  element;

  /** @param {{admit: () => void, refuse: () => void}} acts */
  constructor({ admit, refuse }) {
    this.#refuse = h("button.quiet", { type: "button", onclick: () => this.#doubted ? refuse() : this.#doubt() });
    this.#admit = h("button.primary", { type: "button", onclick: admit });
    this.element = h("li", {},
      h("span.who", {}, icon("person"), h("span", {}, this.#name, this.#role)),
      h("span.acts", {}, this.#refuse, this.#admit));
  }

  /** @param {Participant} participant */
  render(participant) {
    setText(this.#name, nameOf(participant));
    setText(this.#role, t(`role.${participant.role}`));
    setText(this.#admit, t("knock.admit"));
    this.#renderRefuse();
  }

  focus() {
    this.#admit.focus();
  }

  #doubt() {
    this.#doubted = true;
    this.#renderRefuse();
  }

  #renderRefuse() {
    setText(this.#refuse, t(this.#doubted ? "knock.refuse.sure" : "knock.refuse"));
  }
}

export class Knocks {
  #client;
  #list = h("ul");
  #warning = h("p");
  #title = h("h2");
  /** By participant. @type {Map<string, Knock>} */
  #knocks = new Map();
  element;

  /** @param {TeleconsultClient} client */
  constructor(client) {
    this.#client = client;
    this.element = h("aside.knocks", { hidden: true }, this.#title, this.#warning, this.#list);
  }

  /** @param {boolean} recording  whether it is on: somebody new has not agreed to it */
  render(recording) {
    const mayAdmit = this.#client.self?.role === "doctor";
    const waiting = mayAdmit ? this.#client.participants.filter(({ admitted }) => !admitted) : [];
    setText(this.#title, t("knock.title"));
    setText(this.#warning, t("knock.recording"));
    this.#warning.hidden = !recording;
    this.element.setAttribute("aria-label", t("knock.title"));
    for (const participant of waiting) this.#knock(participant.id).render(participant);
    const ids = new Set(waiting.map(({ id }) => id));
    const focused = this.#list.contains(document.activeElement);
    for (const [id, knock] of this.#knocks) {
      if (ids.has(id)) continue;
      knock.element.remove();
      this.#knocks.delete(id);
    }
    this.element.hidden = waiting.length === 0;
    if (focused && !this.#list.contains(document.activeElement)) this.#refocus();
  }

  /** Whoever was let in with the keyboard takes the focus along: it goes to the next, or back to the call. */
  #refocus() {
    const [next] = this.#knocks.values();
    if (next) next.focus();
    else document.getElementById("main")?.focus({ preventScroll: true });
  }

  /** @param {string} id */
  #knock(id) {
    let knock = this.#knocks.get(id);
    if (!knock) {
      knock = new Knock({
        admit: () => void this.#client.admit(id).catch(() => {}),
        refuse: () => void this.#client.remove(id).catch(() => {}),
      });
      this.#knocks.set(id, knock);
      this.#list.append(knock.element);
    }
    return knock;
  }
}
