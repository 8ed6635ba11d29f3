/**
 * A FHIR R4 Questionnaire and what has been answered so far: which items are enabled, what stands on one screen, what is
 * missing, and the QuestionnaireResponse. The same rules as the server's `media_server/intake`, which checks everything
 * again. No DOM.
 */

/** @typedef {import("../types.js").Questionnaire} Questionnaire */
/** @typedef {import("../types.js").QuestionnaireItem} Item */
/** @typedef {import("../types.js").QuestionnaireResponse} QuestionnaireResponse */
/** @typedef {import("../types.js").ResponseItem} ResponseItem */
/** @typedef {import("../types.js").AnswerValue} AnswerValue */
/** @typedef {import("../types.js").EnableWhen} EnableWhen */
/** @typedef {{heading: string, items: Item[]}} Screen */

const EXTENSION = "http://hl7.org/fhir/StructureDefinition/";
/** Up to so many questions are asked together, and any number of plain yes-or-no ones. */
const SMALL = 3;

/** @param {Item} item */
export function isQuestion(item) {
  return item.type !== "group" && item.type !== "display";
}

/** @param {Item | import("../types.js").AnswerOption} item @param {string} name @returns {any} the extension's value */
export function extensionOf(item, name) {
  const found = item.extension?.find(({ url }) => url === EXTENSION + name);
  return found && Object.entries(found).find(([key]) => key.startsWith("value"))?.[1];
}

/** The one value of an answer or a condition. @param {Record<string, any>} from @param {string} prefix */
function valueOf(from, prefix) {
  return Object.entries(from).find(([key]) => key.startsWith(prefix) && key !== "answerOption")?.[1];
}

/** @param {Item[]} items @returns {Item[]} every item, parents first */
export function allItems(items) {
  return items.flatMap((item) => [item, ...allItems(item.item ?? [])]);
}

/**
 * The item that a JSON pointer into a response leads to or through, the innermost; null outside of all items.
 * @param {QuestionnaireResponse} response
 * @param {string} pointer  RFC 6901, such as `/item/0/answer/1/valueString`
 * @returns {string | null} its link id
 */
export function linkIdAt(response, pointer) {
  let linkId = null;
  /** @type {any} */
  let at = response;
  for (const name of pointer.split("/").slice(1)) {
    at = at?.[name];
    if (typeof at?.linkId === "string") linkId = at.linkId;
  }
  return linkId;
}

export class Answers {
  /** By link id; an item without an answer is not in it. @type {Map<string, AnswerValue[]>} */
  #given = new Map();
  questionnaire;

  /** @param {Questionnaire} questionnaire @param {QuestionnaireResponse | null} [response]  an earlier one */
  constructor(questionnaire, response = null) {
    this.questionnaire = questionnaire;
    const known = new Map(allItems(questionnaire.item).map((item) => [item.linkId, item]));
    const take = (/** @type {ResponseItem[]} */ items) => {
      for (const { linkId, answer = [], item = [] } of items) {
        const values = answer.map((entry) => without(entry, "item"));
        if (values.length > 0 && known.has(linkId)) this.#given.set(linkId, values);
        take(item);
        for (const entry of answer) take(/** @type {any} */ (entry).item ?? []);
      }
    };
    if (response) take(response.item ?? []);
    else for (const item of known.values()) this.#begin(item);
  }

  /** @param {string} linkId @returns {AnswerValue[]} */
  get(linkId) {
    return this.#given.get(linkId) ?? [];
  }

  /** @param {string} linkId @param {AnswerValue[]} values */
  set(linkId, values) {
    if (values.length > 0) this.#given.set(linkId, values);
    else this.#given.delete(linkId);
  }

  /** How many questions have an answer. */
  get size() {
    return this.#given.size;
  }

  /** Link ids of all enabled items, in the order of the document. A condition sees what came before it. */
  enabled() {
    /** @type {Set<string>} */
    const enabled = new Set();
    const walk = (/** @type {Item[]} */ items) => {
      for (const item of items) {
        if (!this.#meets(item, enabled)) continue;
        enabled.add(item.linkId);
        // What is nested in a question belongs to its answer.
        if (!isQuestion(item) || this.get(item.linkId).length > 0) walk(item.item ?? []);
      }
    };
    walk(this.questionnaire.item);
    return enabled;
  }

  /** @param {"in-progress" | "completed"} status @returns {QuestionnaireResponse} enabled items only */
  response(status) {
    const enabled = this.enabled();
    const build = (/** @type {Item[]} */ items) => items.flatMap((item) => this.#responseItem(item, enabled, build));
    const { url, version } = this.questionnaire;
    return {
      resourceType: "QuestionnaireResponse", status, questionnaire: version ? `${url}|${version}` : String(url),
      authored: new Date().toISOString(), item: build(this.questionnaire.item),
    };
  }

  /** @param {Item} item @param {Set<string>} enabled @param {(items: Item[]) => ResponseItem[]} build @returns {ResponseItem[]} */
  #responseItem(item, enabled, build) {
    if (!enabled.has(item.linkId) || item.type === "display") return [];
    const nested = build(item.item ?? []);
    if (item.type === "group") return nested.length > 0 ? [{ linkId: item.linkId, item: nested }] : [];
    const values = this.get(item.linkId);
    if (values.length === 0) return [];
    const answer = values.map((value, index) => (index === 0 && nested.length > 0 ? { ...value, item: nested } : value));
    return [{ linkId: item.linkId, answer }];
  }

  /** What the author has filled in beforehand. @param {Item} item */
  #begin(item) {
    const selected = item.answerOption?.filter(({ initialSelected }) => initialSelected)
      .map((option) => without(without(option, "initialSelected"), "extension")) ?? [];
    const initial = item.initial ?? selected;
    if (initial.length > 0) this.#given.set(item.linkId, initial);
  }

  /** @param {Item} item @param {Set<string>} enabled  so far */
  #meets({ enableWhen = [], enableBehavior }, enabled) {
    if (enableWhen.length === 0) return true;
    const meets = (/** @type {EnableWhen} */ condition) =>
      isMet(condition, enabled.has(condition.question) ? this.get(condition.question) : []);
    return enableBehavior === "any" ? enableWhen.some(meets) : enableWhen.every(meets);
  }
}

/** @param {EnableWhen} condition @param {AnswerValue[]} answers */
function isMet(condition, answers) {
  const wanted = valueOf(condition, "answer");
  const values = answers.map((answer) => valueOf(answer, "value"));
  const orders = values.map((value) => order(value, wanted));
  switch (condition.operator) {
    case "exists": return answers.length > 0 === (wanted === true);
    case "=": return values.some((value) => equal(value, wanted));
    case "!=": return !values.some((value) => equal(value, wanted));
    case ">": return orders.some((found) => found !== null && found > 0);
    case "<": return orders.some((found) => found !== null && found < 0);
    case ">=": return orders.some((found) => found !== null && found >= 0);
    case "<=": return orders.some((found) => found !== null && found <= 0);
    default: return false;
  }
}

/** A coding is its system and code, whatever it is called. @param {any} one @param {any} other */
function equal(one, other) {
  if (isObject(one) && isObject(other) && "code" in one && !("value" in one)) return one.system === other.system && one.code === other.code;
  return order(one, other) === 0;
}

/** @param {any} one @param {any} other @returns {number | null} null: not to be told */
function order(one, other) {
  if (isObject(one) && isObject(other)) {
    const same = one.system === other.system && one.code === other.code && (one.code !== undefined || one.unit === other.unit);
    return same && "value" in one && "value" in other ? one.value - other.value : null;
  }
  if (typeof one !== typeof other) return null;
  if (typeof one === "number") return one - other;
  if (typeof one === "boolean") return one === other ? 0 : null;
  if (typeof one !== "string") return null;
  if (one.includes("T") && other.includes("T")) return Date.parse(one) - Date.parse(other);
  return one < other ? -1 : one > other ? 1 : 0; // dates and times, written as they sort
}

/** @param {unknown} value @returns {value is Record<string, any>} */
function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** @template {object} T @param {T} object @param {string} name @returns {any} */
function without(object, name) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

/**
 * What is asked together. Whether an item is shown is decided when the screen is: a question that depends only on those
 * of its own screen appears below them at once.
 * @param {Item[]} items
 * @param {string} [heading]
 * @returns {Screen[]}
 */
export function screensOf(items, heading = "") {
  /** @type {Screen[]} */
  const screens = [];
  /** Words that stand before the question that comes next. @type {Item[]} */
  let before = [];
  for (const item of items) {
    const last = screens.at(-1);
    if (item.type === "display") before.push(item);
    else if (item.type === "group") {
      const own = groupScreens(item, heading);
      if (own[0]) own[0].items.unshift(...before);
      before = [];
      screens.push(...own);
    } else if (last && before.length === 0 && last.heading === heading && follows(item, last)) last.items.push(item);
    else {
      screens.push({ heading, items: [...before, item] });
      before = [];
    }
  }
  screens.at(-1)?.items.push(...before);
  return screens;
}

/** @param {Item} group @param {string} heading @returns {Screen[]} */
function groupScreens(group, heading) {
  const title = group.text ?? heading;
  const questions = (group.item ?? []).filter(isQuestion);
  const flat = (group.item ?? []).every(({ type }) => type !== "group");
  const plain = questions.length > 1 && questions.every(({ type }) => type === "boolean");
  // A group that itself depends on something goes as one screen, or its screens would each have to ask for it.
  const screens = flat && (plain || questions.length <= SMALL)
    ? [{ heading: title, items: [...(group.item ?? [])] }]
    : screensOf(group.item ?? [], title);
  return screens;
}

/** @param {Item} item @param {Screen} screen */
function follows({ enableWhen = [] }, { items }) {
  const here = new Set(items.map(({ linkId }) => linkId));
  return enableWhen.length > 0 && items.length < 5 && enableWhen.every(({ question }) => here.has(question));
}

/**
 * What is wrong with an answer, as a code of `field.…` and its values; null when nothing is.
 * @param {Item} item  enabled
 * @param {AnswerValue[]} values
 * @returns {{code: "required" | "choice" | "too-long" | "too-small" | "too-large" | "whole" | "number", values: Record<string, string | number>} | null}
 */
export function faultOf(item, values) {
  if (values.length === 0) {
    const choosing = ["boolean", "choice"].includes(item.type);
    return item.required && isQuestion(item) ? { code: choosing ? "choice" : "required", values: {} } : null;
  }
  const [min, max] = [extensionOf(item, "minValue"), extensionOf(item, "maxValue")];
  for (const answer of values) {
    const content = valueOf(answer, "value");
    const value = isObject(content) && "value" in content ? content.value : content;
    if (typeof value === "string" && item.maxLength && [...value].length > item.maxLength) return { code: "too-long", values: { max: item.maxLength } };
    if (typeof value === "number" && !Number.isFinite(value)) return { code: "number", values: {} };
    if (item.type === "integer" && !Number.isInteger(value)) return { code: "whole", values: {} };
    if (min !== undefined && (order(value, min) ?? 0) < 0) return { code: "too-small", values: { min } };
    if (max !== undefined && (order(value, max) ?? 0) > 0) return { code: "too-large", values: { max } };
  }
  return null;
}
