/** One screen of the questionnaire: the questions that are asked together. What depends on an answer appears at once. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { t as shared } from "../i18n.js";
import { busy } from "../parts/busy.js";
import { toast } from "../parts/toast.js";
import { t } from "./i18n.js";
import { faultOf, isQuestion } from "./questionnaire.js";
import { questionField } from "./question_field.js";

/** @typedef {import("./flow.js").Flow} Flow */
/** @typedef {import("./question_field.js").QuestionField} QuestionField */
/** @typedef {import("../types.js").QuestionnaireItem} Item */

/** @param {Flow} flow @param {number} index  of the screen */
export function questionsView(flow, index) {
  const { screens } = flow;
  const { answers } = flow.intake;
  const screen = screens[index] ?? { heading: "", items: [] };
  /** @type {Map<Item, QuestionField>} */
  const fields = new Map();
  const shown = () => {
    const enabled = answers.enabled();
    for (const [item, field] of fields) field.element.hidden = !enabled.has(item.linkId);
    return [...fields].filter(([{ linkId }]) => enabled.has(linkId));
  };
  for (const item of screen.items) {
    const field = questionField(item, answers.get(item.linkId), () => {
      answers.set(item.linkId, field.read());
      shown();
    });
    fields.set(item, field);
  }
  shown();
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!check(shown(), answers)) return;
    try {
      await busy(next, () => flow.answered());
    } catch (error) {
      toast(errorText(error), "bad");
    }
  };
  const next = h("button.primary.large", { type: "submit" }, t("flow.next"));
  const single = [...fields.keys()].filter(isQuestion).length === 1;
  const share = (index / Math.max(1, screens.length)) * 100;
  const bar = h("i");
  bar.style.width = `${share}%`; // set by script: the policy allows no style in the markup
  const progress = h("div.thin-progress", { role: "progressbar", "aria-label": t("questions.progress"), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share) }, bar);
  const element = h("form.form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => void submit(event) },
    h("div.stack.tight", {}, h("p.counter", {}, t("questions.counter", { number: index + 1, of: screens.length })), progress),
    h("h1", { tabindex: -1 }, screen.heading || t("questions.title")),
    h(single ? "section.card.form.single" : "section.card.form", {}, ...[...fields.values()].map((field) => field.element)),
    h("div.acts-row", {}, h("button.secondary", { type: "button", onclick: () => flow.back() }, t("flow.back")), next),
    h("p.assurance", {}, t("questions.saved")));
  /** What the service has against answers. @param {import("../api.js").ApiError} _ @param {Map<Item, string>} faults */
  const mark = (_, faults) => {
    const wrong = shown().filter(([{ linkId }, field]) => {
      const fault = [...faults].find(([item]) => item.linkId === linkId);
      if (fault) field.setError(fault[1]);
      return fault;
    });
    wrong[0]?.[1].focus();
  };
  return { element, title: screen.heading || t("questions.title"), mark };
}

/** @param {[Item, QuestionField][]} fields @param {import("./questionnaire.js").Answers} answers @returns {boolean} */
function check(fields, answers) {
  const wrong = fields.filter(([item, field]) => {
    const values = field.read();
    const fault = faultOf(item, values);
    field.setError(fault && shared(`field.${fault.code}`, fault.values));
    if (!fault) answers.set(item.linkId, values);
    return fault !== null;
  });
  wrong[0]?.[1].focus();
  return wrong.length === 0;
}
