/**
 * Why the patient calls: the summary that the server drew up from the answers, the patient's own words first, and all
 * the answers as they were given for who wants to see them. Nothing is concluded here. DOM only.
 */

import { h } from "../../page/dom.js";
import { languages } from "../../page/i18n.js";
import { momentText } from "../i18n.js";
import { errorText } from "../errors.js";
import { loading } from "../parts/layout.js";
import { toast } from "../parts/toast.js";
import { redraw } from "./acting.js";
import { answersOf, valueText } from "./answers.js";
import { t, words } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("../types.js").SummarySection} Section */
/** @typedef {import("../types.js").Intake} Intake */

export class SummaryPanel {
  #case;
  #content = h("div.stack");
  element;

  /** @param {OpenCase} open */
  constructor(open) {
    this.#case = open;
    this.element = h("div.panel-body", {}, this.#content);
    this.render();
  }

  render() {
    const { intake, failure } = this.#case;
    redraw(this.#content, [intake, failure], () => {
      if (intake) return this.#intake(intake);
      if (failure === null) return [loading()];
      return [h("p.notice", { role: "alert" }, symbol("warning"), h("span", {}, errorText(failure))),
        h("button.secondary", { type: "button", onclick: () => void this.#case.load() }, symbol("refresh"), t("summary.retry"))];
    });
  }

  /** @param {Intake} intake */
  #intake(intake) {
    const { summary } = intake;
    const copy = h("button.quiet", { type: "button", onclick: () => void copyText(summary.text) }, symbol("copy"), t("summary.copy"));
    return [
      h("header.panel-head", {}, h("h2", {}, t("summary.title")), copy),
      ...summary.sections.map((section) => sectionPart(section)),
      allAnswers(intake),
    ];
  }
}

/** @param {Section} section */
function sectionPart({ title, lines }) {
  const quotes = lines.filter(({ quoted }) => quoted);
  const rest = lines.filter(({ quoted }) => !quoted);
  return h("section.summary-part", {},
    h("h3", {}, title),
    ...quotes.map(({ label, value, language }) => h("figure.quote", {},
      h("blockquote", { lang: language ?? null }, h("p", {}, value)),
      h("figcaption", {}, label, language ? h("span.tag", {}, languageName(language)) : null))),
    rest.length > 0 ? h("dl.lines", {}, ...rest.map(({ label, value, language }) =>
      h("div", {}, h("dt", {}, label), h("dd", { lang: language ?? null }, value)))) : null);
}

/** @param {Intake} intake */
function allAnswers({ questionnaire, questionnaire_response: response }) {
  const answers = answersOf(questionnaire, response);
  const content = h("div.answers-list", {}, ...answers.map(({ heading, question, values, depth }) => heading
    ? h("h4", {}, question)
    : h("div.answer", { class: `answer depth-${Math.min(depth, 3)}` }, h("p.question", {}, question),
      h("p", {}, values.length > 0 ? values.map((value) => valueText(value, t("answers.yes"), t("answers.no"))).join(", ") : h("em", {}, t("answers.none"))))));
  const source = [questionnaire.title, questionnaire.version, response.authored ? momentText(response.authored) : null].filter(Boolean).join(" · ");
  return h("details.all-answers", {}, h("summary", {}, symbol("list"), words("answers.title")), h("p.fine", {}, source), content);
}

/** @param {string} code */
function languageName(code) {
  return /** @type {Record<string, string>} */ (languages)[code] ?? code;
}

/** @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("copied.not"), "bad");
  }
}
