/** The end of a consultation: how it ended, its code if the doctor confirms one, and the report to the GP. DOM only. */

import { h } from "../../page/dom.js";
import { ApiError } from "../api.js";
import { showFieldErrors } from "../errors.js";
import { t as shared } from "../i18n.js";
import { choiceField, required, textField, validate } from "../parts/fields.js";
import { openDialog } from "../parts/dialog.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { coded, t, words } from "./i18n.js";
import { LastingForm } from "./lasting_form.js";
import { ReportPart } from "./report_part.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("../types.js").OutcomeKind} OutcomeKind */
/** @typedef {import("./outcome_panel.js").Part} Part */

/**
 * @typedef {object} Acts
 * @property {() => Promise<boolean>} saveNote  false: it could not be saved
 * @property {() => boolean} hasNote
 * @property {() => Part[]} halfWritten  what was begun and not added
 * @property {(part: Part) => void} show
 * @property {() => void} closed     the consultation is over: the room has ended
 * @property {() => void} leave      back to the waiting room
 */

const KINDS = /** @type {const} */ (["advice", "treatment", "referral", "emergency", "out-of-scope", "not-reached"]);
/** ICPC-2: a chapter and a component ("A03"), or a process without a chapter ("-67"). */
const ICPC2 = /^([ABDFHKLNPRSTUWXYZ](0[1-9]|[1-9]\d)|-[3-6]\d)$/;

export class Closing {
  #api;
  #case;
  #acts;
  #form;
  #report;
  #complaint = complaintLine();
  #warning = h("p.notice", { hidden: true });
  #later = h("p.fine", {}, words("closing.later"));
  #done = h("div.closed-card");
  #button = h("button.primary.large", { type: "submit", "data-action": "close" }, symbol("check"),
    words("closing.close"));
  /** Whether the doctor has chosen how it ended; until then it follows from what was written down. */
  #chosen = false;
  /** The intake whose codes are offered. */
  #offered;
  #heading = h("h3", { id: "closing-title", tabindex: -1 }, words("closing.title"));
  element;

  /** @param {import("../api.js").Api} api @param {OpenCase} open @param {Acts} acts */
  constructor(api, open, acts) {
    this.#api = api;
    this.#case = open;
    this.#acts = acts;
    this.#offered = open.intake;
    this.#report = new ReportPart(api, open);
    this.#form = new LastingForm(() => this.#build(), () => void this.#submit());
    this.element = h("section.closing", { "aria-labelledby": "closing-title" }, this.#heading, this.#later, this.#done,
      this.#form.element, this.#report.element);
    this.render();
  }

  render() {
    const { closed, consultation, writable } = this.#case;
    this.#form.element.hidden = !writable;
    this.#later.hidden = closed || writable;
    if (this.#offered !== this.#case.intake) {
      this.#offered = this.#case.intake;
      this.#form.rebuild(); // the codes to choose from have come
    }
    this.#done.hidden = !closed;
    redraw(this.#done, closed ? [consultation.state, consultation.reason, consultation.outcome] : null,
      () => closed ? this.#over() : []);
    if (!closed && !this.#chosen) this.#form.fields.outcome.value = [this.#likely()];
    this.#warnAboutNote();
    this.#report.render();
  }

  relabel() {
    this.#form.rebuild();
    this.render();
  }

  close() {
    this.#report.close();
  }

  focus() {
    this.#heading.scrollIntoView({ block: "start" });
    this.#heading.focus({ preventScroll: true });
  }

  #build() {
    const suggestions = (this.#case.intake?.category_codes ?? [])
      .map((code) => typeof code === "string" ? { code, display: "" } : code);
    const fields = {
      outcome: choiceField({ label: t("closing.outcome"), required: true, onchange: () => { this.#chosen = true; },
        options: KINDS.map((value) => ({ value, label: shared(`outcome.${value}`) })) }),
      icpc2: textField({ label: t("closing.icpc2"),
        hint: suggestions.length > 0 ? t("closing.icpc2.hint") : t("closing.icpc2.none"), maxlength: 3 }),
    };
    const chips = suggestions.map(({ code, display }) => h("button.quiet.chip-code", {
      type: "button", onclick: () => { fields.icpc2.value = code; fields.icpc2.setError(null); fields.icpc2.focus(); },
    }, t("closing.use", { code: [code, display].filter(Boolean).join(" ") })));
    return { fields, children: [fields.outcome.element, h("div", {}, fields.icpc2.element, h("div.row", {}, ...chips)),
      this.#warning, this.#complaint, this.#button] };
  }

  /** What was written down tells how it ended, until the doctor says otherwise. @returns {OutcomeKind} */
  #likely() {
    const { prescriptions, referrals } = this.#case.outcome;
    if (referrals.some(({ to, urgency }) => to === "emergency" || urgency === "emergency")) return "emergency";
    if (referrals.length > 0) return "referral";
    return prescriptions.length > 0 ? "treatment" : "advice";
  }

  #warnAboutNote() {
    const missing = !this.#case.closed && !this.#acts.hasNote();
    this.#warning.hidden = !missing;
    redraw(this.#warning, missing, () => missing ? [symbol("warning"), h("span", {}, t("closing.nonote"))] : []);
  }

  #over() {
    const { state, reason, outcome } = this.#case.consultation;
    const title = state === "cancelled" ? coded("closing.cancelled", reason ?? "other") : t("closing.done");
    return [h("div.badge", {}, symbol(state === "cancelled" ? "missed" : "check")), h("h4", {}, title),
      outcome ? h("p", {}, t("closing.as", { outcome: shared(`outcome.${outcome}`) })) : null,
      h("button.primary", { type: "button", "data-action": "back-to-desk", onclick: () => this.#acts.leave() },
        symbol("back"), t("closing.back"))]
      .filter((part) => part !== null);
  }

  async #submit() {
    const { outcome, icpc2 } = this.#form.fields;
    icpc2.value = icpc2.value.toUpperCase();
    const code = (/** @type {string} */ value) => value === "" || ICPC2.test(value) ? null : t("closing.icpc2.wrong");
    if (!validate([[outcome, required], [icpc2, code]])) return;
    const [unfinished, ...others] = this.#acts.halfWritten();
    if (unfinished && !(await mayDrop([unfinished, ...others]))) return this.#acts.show(unfinished);
    await acting(this.#button, this.#complaint, async () => {
      if (!(await this.#acts.saveNote())) throw new ApiError(0, "unreachable");
      try {
        const kind = /** @type {OutcomeKind} */ (outcome.value[0]);
        this.#case.take(await this.#api.close(this.#case.id, kind, icpc2.value || undefined));
      } catch (error) {
        if (!showFieldErrors(error, { "/outcome": outcome, "/icpc2": icpc2 })) throw error;
        return;
      }
      this.#acts.closed();
      this.focus();
    });
  }
}

/** Whether what is half written may be dropped: nothing can be added after the end. @param {Part[]} parts */
async function mayDrop(parts) {
  const { answered } = openDialog({ title: t("closing.unfinished.title"), symbol: "warning",
    body: [h("p", {}, t("closing.unfinished.lead")),
      h("ul", {}, ...parts.map((part) => h("li", {}, t(`${part}.title`))))],
    actions: [
      { label: t("closing.unfinished.back"), kind: "primary", value: "" },
      { label: t("closing.unfinished.drop"), kind: "danger", value: "drop" },
    ] });
  return (await answered) === "drop";
}
