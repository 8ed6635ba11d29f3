/** Who is in the waiting room, for the doctor to let in. DOM only. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { nameOf } from "./stage.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client.js").Participant} Participant */

export class Knocks {
  #client;
  #list = h("ul");
  #title = h("h2");
  /** Who is about to be sent away: the second click does it. @type {string | null} */
  #doubted = null;
  #shown = "";
  element;

  /** @param {TeleconsultClient} client */
  constructor(client) {
    this.#client = client;
    this.element = h("aside.knocks", { hidden: true }, this.#title, this.#list);
  }

  render() {
    const mayAdmit = this.#client.self?.role === "doctor";
    const waiting = mayAdmit ? this.#client.participants.filter(({ admitted }) => !admitted) : [];
    this.element.hidden = waiting.length === 0;
    const key = JSON.stringify([t("knock.title"), this.#doubted, waiting.map(({ id, name }) => [id, name])]);
    if (key === this.#shown) return; // keep the focus where it is
    this.#shown = key;
    this.#title.textContent = t("knock.title");
    this.element.setAttribute("aria-label", t("knock.title"));
    this.#list.replaceChildren(...waiting.map((participant) => this.#item(participant)));
  }

  /** @param {Participant} participant */
  #item(participant) {
    const name = nameOf(participant);
    const doubted = this.#doubted === participant.id;
    return h("li", {},
      h("span.who", {}, icon("person"), h("span", {}, h("strong", {}, name), h("small", {}, t(`role.${participant.role}`)))),
      h("span.acts", {},
        h("button.quiet", { type: "button", onclick: () => this.#refuse(participant.id) },
          t(doubted ? "knock.refuse.sure" : "knock.refuse")),
        h("button.primary", { type: "button", onclick: () => void this.#client.admit(participant.id).catch(() => {}) },
          t("knock.admit"))),
    );
  }

  /** @param {string} id */
  #refuse(id) {
    if (this.#doubted === id) {
      this.#doubted = null;
      void this.#client.remove(id).catch(() => {});
      return;
    }
    this.#doubted = id;
    this.render();
  }
}
