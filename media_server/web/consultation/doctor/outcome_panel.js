/** What comes of the consultation: prescription, referral, certificate, and then closing it. DOM only. */

import { h, setText } from "../../page/dom.js";
import { CertificateForm } from "./certificate_form.js";
import { Closing } from "./closing.js";
import { t, words } from "./i18n.js";
import { PrescriptionForm } from "./prescription_form.js";
import { ReferralForm } from "./referral_form.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("./fhir_reading.js").Entry} Entry */
/** @typedef {"prescription" | "referral" | "certificate"} Part */

const PARTS = /** @type {const} */ (["prescription", "referral", "certificate"]);
const SYMBOLS = { prescription: "pill", referral: "referral", certificate: "certificate" };

export class OutcomePanel {
  #case;
  #forms;
  /** @type {Record<Part, {details: HTMLDetailsElement, count: HTMLElement}>} */
  #parts;
  #closing;
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {OpenCase} open
   * @param {Omit<import("./closing.js").Acts, "halfWritten" | "show"> & {graveAllergies: () => Entry[]}} acts
   */
  constructor(api, open, acts) {
    this.#case = open;
    const referral = new ReferralForm(api, open);
    const prescription = new PrescriptionForm(api, open, (reason) => {
      this.#parts.referral.details.open = true;
      referral.begin(reason);
    }, acts.graveAllergies);
    this.#forms = { prescription, referral, certificate: new CertificateForm(api, open) };
    this.#parts = { prescription: this.#part("prescription"), referral: this.#part("referral"),
      certificate: this.#part("certificate") };
    this.#closing = new Closing(api, open, { ...acts, halfWritten: () => this.#halfWritten(),
      show: (name) => this.#show(name) });
    this.element = h("div.panel-body", {}, h("header.panel-head", {}, h("h2", {}, words("outcome.title"))),
      h("div.parts", {}, ...Object.values(this.#parts).map(({ details }) => details)), this.#closing.element);
    this.render();
  }

  render() {
    const { prescriptions, referrals, certificates } = this.#case.outcome;
    const counts = { prescription: prescriptions.length, referral: referrals.length, certificate: certificates.length };
    for (const name of PARTS) {
      const { details, count } = this.#parts[name];
      setText(count, counts[name] > 0 ? String(counts[name]) : "");
      count.hidden = counts[name] === 0;
      details.hidden = !this.#case.writable && counts[name] === 0;
      this.#forms[name].render();
    }
    this.#closing.render();
  }

  relabel() {
    for (const form of Object.values(this.#forms)) form.relabel();
    this.#closing.relabel();
    this.render();
  }

  close() {
    this.#closing.close();
  }

  /** Bring the end into sight: somebody wants to finish. */
  focusClosing() {
    this.#closing.focus();
  }

  /** What was begun and not added: closing would drop it. */
  #halfWritten() {
    return PARTS.filter((name) => this.#forms[name].touched);
  }

  /** @param {Part} name */
  #show(name) {
    const { details } = this.#parts[name];
    details.open = true;
    details.scrollIntoView({ block: "start" });
    details.querySelector("summary")?.focus({ preventScroll: true });
  }

  /** @param {Part} name */
  #part(name) {
    const count = h("span.number");
    const details = h("details.part", { "data-part": name },
      h("summary", {}, symbol(SYMBOLS[name]), h("span", {}, words(`${name}.title`)), count), this.#forms[name].element);
    return { details, count };
  }
}

/** How many things have been written down, for a mark on the tab. @param {OpenCase} open */
export function outcomeMark({ outcome: { prescriptions, referrals, certificates } }) {
  const count = prescriptions.length + referrals.length + certificates.length;
  return count > 0 ? { text: String(count), spoken: t("outcome.count", { count }) } : { text: "", spoken: "" };
}
