/**
 * What the doctor means to prescribe, by ATC code. The rules of the service decide; a medicine they keep out is
 * explained and cannot be had here in any way: what is offered instead is a referral. DOM only.
 */

import { h } from "../../page/dom.js";
import { ApiError } from "../api.js";
import { showFieldErrors } from "../errors.js";
import { language } from "../i18n.js";
import { required, textField, validate } from "../parts/fields.js";
import { toast } from "../parts/toast.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { AllergyNotice } from "./allergy_notice.js";
import { hasText, t, words } from "./i18n.js";
import { LastingForm } from "./lasting_form.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("../types.js").MedicineRule} MedicineRule */
/** @typedef {{atc: string, display: string, rule: MedicineRule | undefined}} Blocked */

/** ATC, fourth or fifth level (WHO Collaborating Centre): a group or a substance. */
const ATC = /^[A-Z]\d{2}[A-Z]{2}(\d{2})?$/;
const CODES = new Set(["medicine-blocked", "unknown-code"]);

export class PrescriptionForm {
  #api;
  #case;
  #refer;
  #form;
  #allergies;
  #verdict = h("div.verdict", { role: "alert" });
  #complaint = complaintLine();
  #list = h("ul.items");
  #button = h("button.secondary", { type: "submit", "data-action": "prescribe" }, symbol("plus"),
    words("prescription.add"));
  /** @type {Blocked | "unknown-code" | null} */
  #refused = null;
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {OpenCase} open
   * @param {(reason: string) => void} refer  instead
   * @param {() => import("./fhir_reading.js").Entry[]} graveAllergies
   */
  constructor(api, open, refer, graveAllergies) {
    this.#api = api;
    this.#case = open;
    this.#refer = refer;
    this.#allergies = new AllergyNotice(graveAllergies);
    this.#form = new LastingForm(() => this.#build(), () => void this.#submit());
    this.element = h("div.stack", {}, this.#list, this.#allergies.element, this.#form.element);
    this.render();
  }

  render() {
    const { prescriptions } = this.#case.outcome;
    redraw(this.#list, prescriptions,
      () => prescriptions.map(({ atc, display, dose, quantity }) => h("li", {}, symbol("check"),
      h("div", {}, h("strong", {}, display), h("span.code", {}, atc),
        h("p", {}, [dose, quantity ? `× ${quantity}` : ""].filter(Boolean).join(" · "))))));
    this.#list.hidden = prescriptions.length === 0;
    this.#form.element.hidden = !this.#case.writable;
    this.#allergies.render();
    this.#renderVerdict();
  }

  /** Whether something is half written. What the rules keep out is not: nobody can add it. */
  get touched() {
    return this.#form.touched && (this.#refused === null || this.#refused === "unknown-code");
  }

  relabel() {
    this.#form.rebuild();
    this.render();
  }

  #build() {
    const forget = () => { this.#refused = null; this.#renderVerdict(); };
    const fields = {
      display: textField({ label: t("prescription.display"), required: true, maxlength: 200 }),
      atc: textField({ label: t("prescription.atc"), hint: t("prescription.atc.hint"), required: true, maxlength: 7,
        placeholder: "J01CA04", onchange: forget }),
      dose: textField({ label: t("prescription.dose"), required: true, maxlength: 500, rows: 2 }),
      quantity: textField({ label: t("prescription.quantity"), type: "number", min: 1, max: 10, inputmode: "numeric" }),
    };
    const { display, atc, dose, quantity } = fields;
    return { fields, children: [h("div.pair", {}, display.element, atc.element), dose.element, quantity.element,
      this.#verdict, this.#complaint, h("div.row", {}, this.#button)] };
  }

  #renderVerdict() {
    this.#verdict.hidden = this.#refused === null;
    redraw(this.#verdict, this.#refused, () => this.#refused === null ? [] : this.#refused === "unknown-code"
      ? [symbol("warning"), h("div", {}, h("strong", {}, t("prescription.unknown.title")),
        h("p", {}, t("prescription.unknown.lead")))]
      : this.#blocked(this.#refused));
  }

  /** @param {Blocked} blocked */
  #blocked({ atc, display, rule }) {
    const medicine = `${display} (${atc})`;
    const instead = () => this.#refer(t("prescription.blocked.referral", { medicine }));
    const refer = h("button.primary", { type: "button", "data-action": "refer-instead", onclick: instead },
      symbol("referral"), t("prescription.blocked.refer"));
    const kind = `prescription.blocked.${rule?.kind}`;
    const why = rule?.text[language()] ?? (hasText(kind) ? t(kind) : t("prescription.blocked.other"));
    return [symbol("stop"), h("div", {}, h("strong", {}, t("prescription.blocked.title", { medicine })),
      h("p.why", {}, why), h("p", {}, t("prescription.blocked.final")), refer)];
  }

  async #submit() {
    const { atc, display, dose, quantity } = this.#form.fields;
    atc.value = atc.value.toUpperCase().replace(/\s/g, "");
    const right = validate([
      [display, required],
      [atc, (value) => required(value) ?? (ATC.test(value) ? null : t("prescription.atc.wrong"))],
      [dose, required],
      [quantity, (value) => value === "" || /^([1-9]|10)$/.test(value) ? null : t("prescription.quantity.wrong")],
    ]);
    if (!right) return;
    this.#refused = null;
    this.#renderVerdict();
    const intent = { atc: atc.value, display: display.value, dose: dose.value,
      ...(quantity.value ? { quantity: Number(quantity.value) } : {}) };
    await acting(this.#button, this.#complaint, () => this.#send(intent));
  }

  /** @param {{atc: string, display: string, dose: string, quantity?: number}} intent */
  async #send(intent) {
    try {
      await this.#api.prescribe(this.#case.id, intent);
    } catch (error) {
      if (!this.#judged(error, intent) && !showFieldErrors(error, fieldsByPointer(this.#form.fields))) throw error;
      return;
    }
    this.#form.clear();
    this.#form.settle();
    toast(t("prescription.added", { medicine: intent.display }));
    await this.#case.refreshOutcome();
  }

  /** Whether it is the rules that say no. @param {unknown} error @param {{atc: string, display: string}} intent */
  #judged(error, { atc, display }) {
    if (!(error instanceof ApiError) || !CODES.has(error.code)) return false;
    const rule = /** @type {MedicineRule | undefined} */ (error.problem.rule);
    this.#refused = error.code === "unknown-code" ? "unknown-code" : { atc, display, rule };
    this.#renderVerdict();
    this.#verdict.scrollIntoView({ block: "nearest" });
    return true;
  }
}

/** @template {Record<string, import("../parts/fields.js").FormField>} F @param {F} fields */
export function fieldsByPointer(fields) {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [`/${name}`, field]));
}
