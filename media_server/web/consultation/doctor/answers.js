/**
 * A completed questionnaire as a list of questions and answers (FHIR R4 Questionnaire, QuestionnaireResponse). Pure.
 */

/** @typedef {import("../types.js").AnswerValue} AnswerValue */
/** @typedef {import("../types.js").QuestionnaireItem} QuestionnaireItem */
/** @typedef {import("../types.js").ResponseItem} ResponseItem */

/** The code system whose codes are alarm signs ends like this, whoever runs the service. */
const RED_FLAG = "/CodeSystem/red-flag";

/**
 * @typedef {{heading: boolean, question: string, values: AnswerValue[], depth: number}} Answer   no values: not asked
 */

/**
 * In the questionnaire's order, unanswered questions too: what was not asked is news to a doctor.
 * @param {import("../types.js").Questionnaire} questionnaire
 * @param {import("../types.js").QuestionnaireResponse} response
 * @returns {Answer[]}
 */
export function answersOf(questionnaire, response) {
  /** @type {Map<string, AnswerValue[]>} */
  const given = new Map();
  collect(response.item ?? [], given);
  return flatten(questionnaire.item ?? [], given, 0);
}

/**
 * By which names the alarm signs go that the patient answered with yes, as the summary calls them.
 * @param {import("../types.js").Questionnaire} questionnaire
 * @param {import("../types.js").QuestionnaireResponse} response
 * @returns {Set<string>}
 */
export function raisedSigns(questionnaire, response) {
  /** @type {Map<string, AnswerValue[]>} */
  const given = new Map();
  collect(response.item ?? [], given);
  return new Set(everyItem(questionnaire.item ?? []).flatMap((item) => signsOf(item, given.get(item.linkId) ?? [])));
}

/** @param {QuestionnaireItem} item @param {AnswerValue[]} answers @returns {string[]} */
function signsOf({ linkId, type, text, code = [], answerOption = [] }, answers) {
  if (type === "boolean") {
    const display = code.find(({ system = "", display: named }) => !system.endsWith(RED_FLAG) && named)?.display;
    const asks = code.some(({ system = "" }) => system.endsWith(RED_FLAG));
    return asks && answers.some(({ valueBoolean }) => valueBoolean === true) ? [display ?? text ?? linkId] : [];
  }
  const codings = answers.map(({ valueCoding }) => valueCoding).filter((coding) => coding?.system?.endsWith(RED_FLAG));
  const chosen = codings.map((coding) => coding?.code);
  const raised = answerOption.filter(({ valueCoding }) => valueCoding && chosen.includes(valueCoding.code));
  return raised.map(({ valueCoding }) => valueCoding?.display ?? valueCoding?.code ?? "");
}

/** @param {QuestionnaireItem[]} items @returns {QuestionnaireItem[]} */
function everyItem(items) {
  return items.flatMap((item) => [item, ...everyItem(item.item ?? [])]);
}

/** @param {ResponseItem[]} items @param {Map<string, AnswerValue[]>} given */
function collect(items, given) {
  for (const { linkId, answer = [], item = [] } of items) {
    if (answer.length > 0) given.set(linkId, answer);
    collect(item, given);
    for (const each of answer) collect(/** @type {{item?: ResponseItem[]}} */ (each).item ?? [], given);
  }
}

/**
 * @param {QuestionnaireItem[]} items
 * @param {Map<string, AnswerValue[]>} given
 * @param {number} depth
 * @returns {Answer[]}
 */
function flatten(items, given, depth) {
  return items.flatMap(({ linkId, type, text, item = [] }) => {
    const below = flatten(item, given, depth + (type === "group" ? 0 : 1));
    if (type === "display") return below;
    return [{ heading: type === "group", question: text ?? linkId, values: given.get(linkId) ?? [], depth }, ...below];
  });
}

/** @param {AnswerValue} value @param {string} yes @param {string} no @returns {string} */
export function valueText(value, yes, no) {
  if (value.valueBoolean !== undefined) return value.valueBoolean ? yes : no;
  if (value.valueCoding) return value.valueCoding.display ?? value.valueCoding.code ?? "";
  if (value.valueQuantity) {
    const { value: number, unit } = value.valueQuantity;
    return [number, unit].filter((part) => part !== undefined).join(" ");
  }
  const plain = value.valueString ?? value.valueDecimal ?? value.valueInteger ?? value.valueDate
    ?? value.valueDateTime ?? value.valueTime ?? value.valueUri;
  return plain === undefined ? "" : String(plain);
}
