/**
 * That the patient has consulted, from one time to another. It names the doctor; it says nothing of health. DOM only.
 */

import { h } from "../../page/dom.js";
import { showFieldErrors } from "../errors.js";
import { momentText, timeText } from "../i18n.js";
import { required, textField, validate } from "../parts/fields.js";
import { toast } from "../parts/toast.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { t, words } from "./i18n.js";
import { LastingForm } from "./lasting_form.js";
import { fieldsByPointer } from "./prescription_form.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */

const QUARTER_MS = 15 * 60_000;

export class CertificateForm {
  #api;
  #case;
  #form;
  #complaint = complaintLine();
  #list = h("ul.items");
  #button = h("button.secondary", { type: "submit", "data-action": "certify" }, symbol("plus"),
    words("certificate.add"));
  element;

  /** @param {import("../api.js").Api} api @param {OpenCase} open */
  constructor(api, open) {
    this.#api = api;
    this.#case = open;
    this.#form = new LastingForm(() => this.#build(), () => void this.#submit());
    this.element = h("div.stack", {}, h("p.fine", {}, words("certificate.lead")), this.#list, this.#form.element);
    this.render();
  }

  render() {
    const { certificates } = this.#case.outcome;
    redraw(this.#list, certificates, () => certificates.map(({ from, to }) => h("li", {}, symbol("check"),
      h("div", {}, h("strong", {}, t("certificate.attendance")),
        h("p", {}, `${momentText(from)} – ${timeText(to)}`)))));
    this.#list.hidden = certificates.length === 0;
    this.#form.element.hidden = !this.#case.writable;
  }

  /** Whether something is half written. */
  get touched() {
    return this.#form.touched;
  }

  relabel() {
    this.#form.rebuild();
    this.render();
  }

  #build() {
    const begun = Date.parse(this.#case.consultation.opened_at ?? this.#case.consultation.created_at);
    const fields = {
      from: textField({ label: t("certificate.from"), type: "datetime-local", required: true,
        value: localText(begun) }),
      to: textField({ label: t("certificate.to"), type: "datetime-local", required: true,
        value: localText(Math.max(Date.now(), begun + QUARTER_MS)) }),
    };
    return { fields, children: [h("div.pair", {}, fields.from.element, fields.to.element), this.#complaint,
      h("div.row", {}, this.#button)] };
  }

  async #submit() {
    const { from, to } = this.#form.fields;
    const order = (/** @type {string} */ value) => value > from.value ? null : t("certificate.order");
    const later = (/** @type {string} */ value) => required(value) ?? order(value);
    if (!validate([[from, required], [to, later]])) return;
    await acting(this.#button, this.#complaint, async () => {
      try {
        await this.#api.certify(this.#case.id, new Date(from.value).toISOString(), new Date(to.value).toISOString());
      } catch (error) {
        if (!showFieldErrors(error, fieldsByPointer(this.#form.fields))) throw error;
        return;
      }
      this.#form.settle();
      toast(t("certificate.added"));
      await this.#case.refreshOutcome();
    });
  }
}

/** As a field of the type datetime-local wants it, in this device's time. @param {number} ms */
function localText(ms) {
  const moment = new Date(ms);
  return new Date(ms - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
