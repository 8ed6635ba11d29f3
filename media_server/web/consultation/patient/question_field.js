/** One item of a questionnaire as a form field, whichever FHIR type it has. DOM only. */

import { h } from "../../page/dom.js";
import { t } from "../i18n.js";
import { choiceField, selectField, textField } from "../parts/fields.js";
import { extensionOf } from "./questionnaire.js";
import { t as own } from "./i18n.js";

/** @typedef {import("../types.js").QuestionnaireItem} Item */
/** @typedef {import("../types.js").AnswerValue} AnswerValue */
/** @typedef {import("../types.js").AnswerOption} AnswerOption */
/** @typedef {{element: HTMLElement, read: () => AnswerValue[], setError: (text: string | null) => void, focus: () => void}} QuestionField */

const OTHER = "\u0000other";
const MOST_BUTTONS = 16;
const COLUMNS_FROM = 9;
const SCALE = 11;

/**
 * @param {Item} item
 * @param {AnswerValue[]} values  as answered before
 * @param {() => void} onchange
 * @returns {QuestionField}
 */
export function questionField(item, values, onchange) {
  const options = { label: item.text ?? "", required: item.required === true, onchange };
  const hint = /** @type {string | undefined} */ (extensionOf(item, "entryFormat"));
  const common = { ...options, ...(hint ? { hint } : {}) };
  switch (item.type) {
    case "display": return fixed(h("p.lead", {}, item.text ?? ""));
    case "boolean": return yesNo(common, values);
    case "choice": case "open-choice": return choice(item, common, values);
    case "integer": case "decimal": return number(item, common, values);
    case "quantity": return quantity(item, common, values);
    case "date": return line(common, values, "valueDate", { type: "date", max: extensionOf(item, "maxValue"), min: extensionOf(item, "minValue") });
    case "time": return line(common, values, "valueTime", { type: "time" }, (text) => (text.length === 5 ? `${text}:00` : text), (stored) => stored.slice(0, 5));
    case "dateTime": return line(common, values, "valueDateTime", { type: "datetime-local" }, (text) => new Date(text).toISOString(), localMoment);
    case "url": return line(common, values, "valueUri", { type: "url", inputmode: "url" });
    case "text": return line(common, values, "valueString", { rows: 4, maxlength: item.maxLength });
    case "attachment": return fixed(h("div.field", {}, h("p.label", {}, item.text ?? ""), h("small", {}, own("questions.attachment"))));
    default: return line(common, values, "valueString", item.maxLength && item.maxLength > 150
      ? { rows: 3, maxlength: item.maxLength } : { maxlength: item.maxLength });
  }
}

/** @param {HTMLElement} element @returns {QuestionField} */
function fixed(element) {
  return { element, read: () => [], setError: () => {}, focus: () => {} };
}

/**
 * @param {import("../parts/fields.js").FieldOptions} options @param {AnswerValue[]} values @param {keyof AnswerValue} name
 * @param {Omit<Parameters<typeof textField>[0], "label">} [more]
 * @param {(text: string) => string} [write] @param {(stored: string) => string} [show]
 * @returns {QuestionField}
 */
function line(options, values, name, more = {}, write = (text) => text, show = (stored) => stored) {
  const stored = values[0]?.[name];
  const field = textField({ ...options, ...more, value: stored === undefined ? "" : show(String(stored)) });
  return { ...field, read: () => (field.value === "" ? [] : [/** @type {AnswerValue} */ ({ [name]: write(field.value) })]) };
}

/** @param {import("../parts/fields.js").FieldOptions} options @param {AnswerValue[]} values @returns {QuestionField} */
function yesNo(options, values) {
  const answer = values[0]?.valueBoolean;
  const field = choiceField({
    ...options, compact: true, value: answer === undefined ? [] : [String(answer)],
    options: [{ value: "true", label: t("common.yes") }, { value: "false", label: t("common.no") }],
  });
  field.element.classList.add("yes-no");
  return { ...field, read: () => field.value.map((value) => ({ valueBoolean: value === "true" })) };
}

/** Figures in a row where there are few, such as 0 to 10. @param {Item} item @param {import("../parts/fields.js").FieldOptions} options @param {AnswerValue[]} values @returns {QuestionField} */
function number(item, options, values) {
  const name = item.type === "integer" ? "valueInteger" : "valueDecimal";
  const [min, max] = [extensionOf(item, "minValue"), extensionOf(item, "maxValue")];
  const stored = values[0]?.[name];
  if (item.type === "integer" && min !== undefined && max !== undefined && max - min < SCALE && !item.answerOption) {
    const figures = Array.from({ length: max - min + 1 }, (_, index) => String(min + index));
    const field = choiceField({ ...options, scale: true, value: stored === undefined ? [] : [String(stored)], options: figures.map((value) => ({ value, label: value })) });
    return { ...field, read: () => field.value.map((value) => ({ [name]: Number(value) })) };
  }
  if (item.answerOption) return choice(item, options, values);
  const unit = extensionOf(item, "questionnaire-unit");
  const field = numberField(options, stored, name === "valueInteger", unitText(unit));
  return { ...field, read: () => field.numbers().map((value) => ({ [name]: value })) };
}

/** @param {Item} item @param {import("../parts/fields.js").FieldOptions} options @param {AnswerValue[]} values @returns {QuestionField} */
function quantity(item, options, values) {
  const unit = extensionOf(item, "questionnaire-unit") ?? item.initial?.[0]?.valueQuantity ?? {};
  const label = unitText(unit);
  const field = numberField(options, values[0]?.valueQuantity?.value, false, label);
  const rest = { ...(unit.unit ?? unit.display ? { unit: unit.unit ?? unit.display } : {}), ...(unit.system ? { system: unit.system } : {}), ...(unit.code ? { code: unit.code } : {}) };
  return { ...field, read: () => field.numbers().map((value) => ({ valueQuantity: { value, ...rest } })) };
}

/** @param {import("../parts/fields.js").FieldOptions} options @param {number | undefined} value @param {boolean} whole @param {string} [suffix] */
function numberField(options, value, whole, suffix) {
  // The suffix is for the eye; what it says is said in the label, too, unless it does so already.
  const label = suffix && !options.label.includes(suffix) ? `${options.label} (${suffix})` : options.label;
  const field = textField({ ...options, label, value: value === undefined ? "" : String(value).replace(".", whole ? "." : ","), inputmode: whole ? "numeric" : "decimal", maxlength: 12, ...(suffix ? { suffix } : {}) });
  return {
    ...field,
    /** A comma is what people type here. */
    numbers: () => {
      const text = field.value.replace(",", ".");
      return text === "" ? [] : [/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN];
    },
  };
}

/** @param {Item} item @param {import("../parts/fields.js").FieldOptions} options @param {AnswerValue[]} values @returns {QuestionField} */
function choice(item, options, values) {
  const offered = item.answerOption ?? [];
  const open = item.type === "open-choice";
  const list = offered.map((option) => ({ value: keyOf(option), label: labelOf(option) }));
  const chosen = values.map(keyOf).filter((key) => list.some(({ value }) => value === key));
  const free = values.find((value) => !list.some((option) => option.value === keyOf(value)))?.valueString ?? "";
  if (open) list.push({ value: OTHER, label: own("questions.other") });
  const other = textField({ label: own("questions.other.what"), unmarked: true, value: free, maxlength: item.maxLength ?? 200, onchange: options.onchange ?? (() => {}) });
  const start = [...chosen, ...(free ? [OTHER] : [])];
  const changed = () => {
    exclude();
    other.element.hidden = !current().includes(OTHER);
    options.onchange?.();
  };
  const inner = { ...options, onchange: changed };
  const field = !item.repeats && list.length > MOST_BUTTONS
    ? selectField({ ...inner, options: list, value: start[0] ?? "", placeholder: own("questions.choose") })
    : choiceField({ ...inner, options: list, multiple: item.repeats === true, value: start });
  field.element.classList.toggle("columns", list.length >= COLUMNS_FROM);
  let before = start;
  const current = () => /** @type {string[]} */ ([field.value].flat().filter((value) => value !== ""));
  /** "None of these" is the only answer, or none. */
  function exclude() {
    const now = current();
    const fresh = now.filter((value) => !before.includes(value));
    const alone = (/** @type {string} */ key) => offered.some((option) => keyOf(option) === key && extensionOf(option, "questionnaire-optionExclusive") === true);
    const kept = fresh.some(alone) ? fresh.filter(alone) : now.filter((value) => !alone(value) || now.length === 1);
    if (item.repeats && kept.length !== now.length) field.value = /** @type {any} */ (kept);
    before = kept;
  }
  other.element.hidden = !start.includes(OTHER);
  const element = open ? h("div.stack", {}, field.element, other.element) : field.element;
  const read = () => current().flatMap((key) => {
    if (key === OTHER) return other.value ? [{ valueString: other.value }] : [];
    const option = offered.find((each) => keyOf(each) === key);
    return option ? [bare(option)] : [];
  });
  return { element, read, setError: field.setError, focus: field.focus };
}

/** @param {AnswerValue} value @returns {string} what tells options apart */
function keyOf(value) {
  const { valueCoding } = value;
  if (valueCoding) return `${valueCoding.system ?? ""}|${valueCoding.code}`;
  return String(Object.entries(value).find(([key]) => key.startsWith("value"))?.[1] ?? "");
}

/** @param {AnswerOption} option */
function labelOf(option) {
  return option.valueCoding?.display ?? option.valueCoding?.code ?? keyOf(option);
}

/** @param {AnswerOption} option @returns {AnswerValue} */
function bare({ initialSelected, extension, ...value }) {
  return value;
}

/** How a unit is written: codes of UCUM are for machines. @param {{display?: string, unit?: string, code?: string} | undefined} unit */
function unitText(unit) {
  return unit?.display ?? unit?.unit ?? (unit?.code === "Cel" ? "°C" : unit?.code);
}

/** For `datetime-local`, which knows no zone. @param {string} iso */
function localMoment(iso) {
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

