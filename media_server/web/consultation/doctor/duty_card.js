/** On duty or not, and in which languages; why not, when a doctor may not. DOM only. */

import { h, setText } from "../../page/dom.js";
import { languages } from "../../page/i18n.js";
import { acting, complaintLine } from "./acting.js";
import { coded, named, t, words } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("../types.js").MeDoctor} MeDoctor */
/** @typedef {import("../types.js").Language} Language */

export class DutyCard {
  #set;
  #doctor;
  #state = h("strong");
  #hint = h("small");
  #complaint = complaintLine();
  #why = h("div.notice");
  #switch;
  /** @type {Map<string, HTMLInputElement>} */
  #boxes = new Map();
  element;

  /** @param {MeDoctor} doctor @param {(onDuty: boolean, languages: string[]) => Promise<void>} set */
  constructor(doctor, set) {
    this.#set = set;
    this.#doctor = doctor;
    this.#switch = named(h("button.switch",
      { type: "button", role: "switch", "data-action": "duty", onclick: () => void this.#toggle() },
      h("span.knob")), "aria-label", "duty.switch");
    // Which languages a doctor speaks is in the registry; here it is which of them to consult in.
    const boxes = doctor.languages.map((code) => this.#box(code, languages[/** @type {Language} */ (code)] ?? code));
    this.element = h("section.card.duty", { "aria-labelledby": "duty-title" },
      h("header.duty-head", {}, h("div", {}, h("h2", { id: "duty-title" }, this.#state), this.#hint), this.#switch),
      this.#why,
      h("fieldset.languages", {}, h("legend", {}, words("duty.languages")), h("div.pills", {}, ...boxes)),
      this.#complaint);
    this.render(doctor);
  }

  /** @param {MeDoctor} doctor */
  render(doctor) {
    this.#doctor = doctor;
    const { on_duty: on, may_go_on_duty: may, why_not: why } = doctor;
    this.element.classList.toggle("on", on);
    setText(this.#state, t(on ? "duty.on" : "duty.off"));
    setText(this.#hint, t(on ? "duty.on.hint" : may ? "duty.off.hint" : "duty.never.hint"));
    this.#switch.setAttribute("aria-checked", String(on));
    this.#switch.disabled = !on && !may;
    this.#why.hidden = may || why.length === 0;
    this.#why.replaceChildren(symbol("warning"), h("div", {}, h("strong", {}, t("duty.why")),
      h("ul", {}, ...why.map((code) => h("li", {}, coded("duty.why", code)))), h("p", {}, t("duty.why.todo"))));
    const chosen = on && doctor.duty_languages?.length ? doctor.duty_languages : doctor.languages;
    for (const [code, box] of this.#boxes) box.checked = chosen.includes(code);
  }

  /** @param {string} code @param {string} name */
  #box(code, name) {
    const box = h("input", { type: "checkbox", value: code, onchange: () => void this.#choose(box) });
    this.#boxes.set(code, box);
    return h("label.pill", {}, box, h("span", { lang: code }, name));
  }

  get #chosen() {
    return [...this.#boxes].filter(([, box]) => box.checked).map(([code]) => code);
  }

  async #toggle() {
    const on = !this.#doctor.on_duty;
    await acting(this.#switch, this.#complaint, () => this.#set(on, this.#chosen));
  }

  /** A doctor on duty speaks at least one language. @param {HTMLInputElement} box */
  async #choose(box) {
    if (this.#chosen.length === 0) box.checked = true;
    if (!this.#doctor.on_duty) return; // said when going on duty
    const kept = await acting(this.#switch, this.#complaint, () => this.#set(true, this.#chosen));
    if (!kept) this.render(this.#doctor);
  }
}
