/** What the patient agrees to before the queue. Nothing is ticked beforehand; only what is needed is asked to go on. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { t as shared } from "../i18n.js";
import { busy } from "../parts/busy.js";
import { card, notice } from "../parts/layout.js";
import { checkField } from "../parts/fields.js";
import { symbol } from "../parts/symbols.js";
import { t } from "./i18n.js";
import { ASKED_BEFORE } from "./intake.js";

/** Without these there is no consultation; the two notices are acknowledged, not consented to. */
const NEEDED = /** @type {const} */ (["teleconsultation", "privacy-notice", "not-an-emergency"]);

/** @param {import("./flow.js").Flow} flow */
export function consentsView(flow) {
  const { intake } = flow;
  const problem = h("div", { role: "alert" });
  /** @param {import("../types.js").ConsentText["kind"]} kind @param {boolean} needed */
  const box = (kind, needed) => {
    const text = intake.textOf(kind);
    if (!text) return null;
    const field = checkField({
      label: text.title, text: text.text, required: needed, unmarked: true, value: intake.consents.get(kind) === true,
      onchange: () => intake.consents.set(kind, field.value),
    });
    if (!intake.consents.has(kind)) intake.consents.set(kind, false);
    return { kind, field };
  };
  // A report goes to one GP, by number.
  const named = intake.details.gp !== "" && intake.details.nihdi !== "";
  const needed = NEEDED.flatMap((kind) => box(kind, true) ?? []);
  const free = ASKED_BEFORE.filter((kind) => kind !== "teleconsultation" && (kind !== "report_to_gp" || named))
    .flatMap((kind) => box(kind, false) ?? []);
  if (!named) intake.consents.delete("report_to_gp");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const missing = needed.filter(({ field }) => {
      field.setError(field.value ? null : shared("field.required"));
      return !field.value;
    });
    missing[0]?.field.focus();
    if (missing.length > 0) return;
    problem.replaceChildren();
    try {
      await busy(send, () => flow.submit());
    } catch (error) {
      problem.replaceChildren(notice("warning", null, h("p", {}, errorText(error))));
      problem.scrollIntoView({ block: "center" });
    }
  };
  const send = h("button.primary.large", { type: "submit", "data-action": "submit" }, t("consents.submit"));
  const element = h("form.form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => void submit(event) },
    h("div.stack.tight", {}, h("h1", { tabindex: -1 }, t("consents.title")), h("p.lead", {}, t("consents.lead"))),
    card(t("consents.needed"), { symbol: "shield" }, ...needed.map(({ field }) => field.element)),
    free.length > 0 ? card(t("consents.free"), { symbol: "heart" }, h("p.muted", {}, t("consents.free.note")),
      ...free.map(({ kind, field }) => kind === "report_to_gp"
        ? h("div.stack.tight", {}, field.element, h("p.recipient", {}, symbol("doctor"), t("consents.recipient", { name: intake.details.gp })))
        : field.element),
      named ? null : h("small", {}, t("consents.report.missing"))) : null,
    problem,
    h("div.acts-row", {}, h("button.secondary", { type: "button", onclick: () => flow.back() }, t("flow.back")), send));
  return { element, title: t("consents.title") };
}
