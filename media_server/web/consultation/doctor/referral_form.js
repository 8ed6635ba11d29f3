/** To whom the patient is sent, how soon and why. DOM only. */

import { h } from "../../page/dom.js";
import { showFieldErrors } from "../errors.js";
import { choiceField, required, selectField, textField, validate } from "../parts/fields.js";
import { toast } from "../parts/toast.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { coded, t, words } from "./i18n.js";
import { LastingForm } from "./lasting_form.js";
import { fieldsByPointer } from "./prescription_form.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */

const TO = /** @type {const} */ (["gp", "specialist", "hospital", "emergency", "other"]);
const URGENCIES = /** @type {const} */ (["routine", "urgent", "emergency"]);

export class ReferralForm {
  #api;
  #case;
  #form;
  #complaint = complaintLine();
  #list = h("ul.items");
  #button = h("button.secondary", { type: "submit", "data-action": "refer" }, symbol("plus"), words("referral.add"));
  element;

  /** @param {import("../api.js").Api} api @param {OpenCase} open */
  constructor(api, open) {
    this.#api = api;
    this.#case = open;
    this.#form = new LastingForm(() => this.#build(), () => void this.#submit());
    this.element = h("div.stack", {}, this.#list, this.#form.element);
    this.render();
  }

  render() {
    const { referrals } = this.#case.outcome;
    redraw(this.#list, referrals,
      () => referrals.map(({ to, specialty, urgency, reason }) => h("li", {}, symbol("check"),
      h("div", {}, h("strong", {}, [coded("referral.to", to), specialty].filter(Boolean).join(": ")),
        h(`span.tag.${urgency === "routine" ? "calm" : "warn"}`, {}, coded("referral.urgency", urgency)),
          h("p", {}, reason)))));
    this.#list.hidden = referrals.length === 0;
    this.#form.element.hidden = !this.#case.writable;
    this.#renderSpecialty();
  }

  /** Whether something is half written. */
  get touched() {
    return this.#form.touched;
  }

  relabel() {
    this.#form.rebuild();
    this.render();
  }

  /** Begin one with this reason, in place of a medicine that may not be prescribed. @param {string} reason */
  begin(reason) {
    this.#form.fill({ reason });
    this.#form.fields.to.focus();
  }

  #build() {
    const fields = {
      to: selectField({ label: t("referral.to"), required: true, placeholder: t("choose"),
        options: TO.map((value) => ({ value, label: t(`referral.to.${value}`) })),
        onchange: () => this.#renderSpecialty() }),
      specialty: textField({ label: t("referral.specialty"), maxlength: 100, required: true }),
      urgency: choiceField({ label: t("referral.urgency"), required: true, compact: true, value: ["routine"],
        options: URGENCIES.map((value) => ({ value, label: t(`referral.urgency.${value}`) })) }),
      reason: textField({ label: t("referral.reason"), required: true, rows: 3, maxlength: 1_000 }),
    };
    const { to, specialty, urgency, reason } = fields;
    return { fields, children: [h("div.pair", {}, to.element, specialty.element), urgency.element, reason.element,
      this.#complaint, h("div.row", {}, this.#button)] };
  }

  #renderSpecialty() {
    if (this.#form) this.#form.fields.specialty.element.hidden = this.#form.fields.to.value !== "specialist";
  }

  async #submit() {
    const { to, specialty, urgency, reason } = this.#form.fields;
    const specialist = to.value === "specialist";
    if (!validate([[to, required], [specialty, (value) => specialist ? required(value) : null], [urgency, required],
      [reason, required]])) return;
    const referral = { to: to.value, urgency: urgency.value[0], reason: reason.value,
      ...(specialist ? { specialty: specialty.value } : {}) };
    await acting(this.#button, this.#complaint, async () => {
      try {
        await this.#api.refer(this.#case.id, referral);
      } catch (error) {
        if (!showFieldErrors(error, fieldsByPointer(this.#form.fields))) throw error;
        return;
      }
      this.#form.clear();
      this.#form.fill({ urgency: ["routine"] });
      this.#form.settle();
      toast(t("referral.added"));
      await this.#case.refreshOutcome();
    });
  }
}
