/**
 * Why the patient calls: the summary that the server drew up from the answers, the patient's own words first, and all
 * the answers as they were given for who wants to see them. Nothing is concluded here. DOM only.
 */

import { h } from "../../page/dom.js";
import { languages } from "../../page/i18n.js";
import { momentText } from "../i18n.js";
import { errorText } from "./errors.js";
import { loading } from "../parts/layout.js";
import { toast } from "../parts/toast.js";
import { redraw } from "./acting.js";
import { answersOf, raisedSigns, valueText } from "./answers.js";
import { t, words } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("../types.js").SummarySection} Section */
/** @typedef {Section["lines"][number]} Line */
/** @typedef {import("../types.js").Intake} Intake */

const FIRST = ["reason", "alarm", "history", "background", "expectation"];

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
      if (intake && failure === null) return this.#intake(intake);
      if (failure === null) return [loading()];
      return [h("p.notice", { role: "alert" }, symbol("warning"), h("span", {}, errorText(failure))),
        h("button.secondary", { type: "button", onclick: () => void this.#case.loadIntake() }, symbol("refresh"),
          t("summary.retry"))];
    });
  }

  /** @param {Intake} intake */
  #intake(intake) {
    const { summary } = intake;
    const copy = h("button.quiet", { type: "button", onclick: () => void copyText(summary.text) }, symbol("copy"),
      t("summary.copy"));
    return [
      h("header.panel-head", {}, h("h2", {}, t("summary.title")), copy),
      h("div.stack.summary", { lang: summary.language },
        ...inReadingOrder(summary.sections).map((section) => sectionPart(section, intake))),
      allAnswers(intake),
    ];
  }
}

/**
 * Why they call and what must not be missed come first; who they are stands above all of it.
 * @param {Section[]} sections
 */
function inReadingOrder(sections) {
  const rank = (/** @type {Section} */ { key = "" }) => FIRST.indexOf(key) < 0 ? FIRST.length : FIRST.indexOf(key);
  return [...sections].sort((a, b) => rank(a) - rank(b));
}

/** @param {Section} section @param {Intake} intake */
function sectionPart({ key = "", title, lines }, intake) {
  if (lines.length === 0) {
    const nothing = h("p.fine", {}, t("summary.nothing"));
    return h("section.summary-part", { "data-section": key }, h("h3", {}, title), nothing);
  }
  const own = key === "reason" ? lines.filter(({ quoted }) => quoted) : [];
  const raised = key === "alarm" ? raisedSigns(intake.questionnaire, intake.questionnaire_response) : new Set();
  // Not weighed, only put first: what was answered with yes.
  const rest = lines.filter((line) => !own.includes(line));
  rest.sort((a, b) => Number(raised.has(b.label)) - Number(raised.has(a.label)));
  return h("section.summary-part", { "data-section": key },
    h("h3", {}, key === "alarm" ? symbol("flag") : null, title),
    ...own.map((line) => h("figure.quote", {}, h("blockquote", { lang: line.language ?? null }, h("p", {}, line.value)),
      h("figcaption", {}, line.label, tongue(line)))),
    rest.length > 0 ? h("dl.lines", {}, ...rest.map((line) => linePart(line, raised.has(line.label)))) : null);
}

/** @param {Line} line @param {boolean} raised */
function linePart(line, raised) {
  const { label, value, quoted, language } = line;
  return h("div", { class: raised ? "raised" : null }, h("dt", {}, raised ? symbol("warning") : null, label),
    h("dd", {}, quoted ? h("q", { lang: language ?? null }, value) : value, quoted ? tongue(line) : null));
}

/** @param {Line} line */
function tongue({ language }) {
  return language ? h("span.tag", {}, languageName(language)) : null;
}

/** @param {Intake} intake */
function allAnswers({ questionnaire, questionnaire_response: response }) {
  const answers = answersOf(questionnaire, response);
  /** @param {import("../types.js").AnswerValue} value */
  const said = (value) => valueText(value, t("answers.yes"), t("answers.no"));
  const content = h("div.answers-list", { lang: questionnaire.language ?? null },
    ...answers.map(({ heading, question, values, depth }) => heading
    ? h("h4", {}, question)
    : h("div.answer", { class: `answer depth-${Math.min(depth, 3)}` }, h("p.question", {}, question),
      h("p", {}, values.length > 0 ? values.map(said).join(", ") : h("em", {}, t("answers.none"))))));
  const source = [questionnaire.title, questionnaire.version,
    response.authored ? momentText(response.authored) : null].filter(Boolean).join(" · ");
  return h("details.all-answers", {}, h("summary", {}, symbol("list"), words("answers.title")),
    h("p.fine", {}, source), content);
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
