/** What a patient has filled in so far, kept by the service as a draft. No DOM. */

import { language } from "../i18n.js";
import { Answers, allItems } from "./questionnaire.js";

/** @typedef {import("../types.js").Language} Language */
/** @typedef {import("../types.js").ConsentText} ConsentText */

/** Those that can be given before the call; recording and other people are asked about when it comes to that. */
export const ASKED_BEFORE = /** @type {const} */ (["teleconsultation", "medical_file_access", "report_to_gp"]);

/** Read, and ticked as read; nobody consents to them, and the service is not told. */
const NOTICES = new Set(["privacy-notice", "not-an-emergency"]);

/** Of one detail. */
const MOST_CHARACTERS = 200;

export class Intake {
  #api;
  /** @type {Answers | null} */
  #answers = null;
  /** @type {Language | null} */
  #language = null;
  /** When this page was opened for it, ms. */
  #begun = Date.now();
  /** What was last known to be kept. */
  #saved = "";
  /** @type {Promise<void>} */
  #saving = Promise.resolve();
  details = {
    for: "", location: "", callback: "", fund: "", gp: "", nihdi: "",
    given: "", family: "", birthdate: "", national: "", relationship: "", warned: "",
  };
  /** @type {Map<string, boolean>} */
  consents = new Map();
  /** @type {ConsentText[]} */
  consentTexts = [];
  /** The warning signs that the person was warned of, and went on. @type {Set<string>} */
  warned = new Set();

  /** @param {import("../api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  get answers() {
    return /** @type {Answers} */ (this.#answers);
  }

  /** Questions and texts in the language of now, with the answers there are. @param {boolean} [resume]  there is a draft */
  async load(resume = false) {
    const chosen = language();
    if (this.#language === chosen) return;
    const [questionnaire, texts, draft] = await Promise.all([
      this.#api.questionnaire(chosen), this.#api.consentTexts(chosen), resume ? this.#api.intakeDraft() : null,
    ]);
    const response = this.#answers?.response("in-progress") ?? draft?.questionnaire_response ?? null;
    // Answers to an older version are not answers to these questions.
    const same = !response?.questionnaire || response.questionnaire.startsWith(`${questionnaire.url}|${questionnaire.version}`);
    this.#answers = new Answers(questionnaire, same ? response : null);
    for (const name of /** @type {(keyof Intake["details"])[]} */ (Object.keys(this.details))) {
      this.details[name] = draft?.details[name] ?? this.details[name];
    }
    for (const linkId of this.details.warned.split(" ").filter(Boolean)) this.warned.add(linkId);
    this.consentTexts = texts;
    this.#language = chosen;
    this.#saved = this.#key();
  }

  /** The texts have changed: they are asked for anew, and nothing is agreed to yet. */
  forgetTexts() {
    this.#language = null;
    this.consents.clear();
  }

  /** @param {ConsentText["kind"]} kind */
  textOf(kind) {
    return this.consentTexts.find((text) => text.kind === kind) ?? null;
  }

  /** Keep what has been answered; one at a time, and not when nothing has changed. Rejects when it could not be kept. */
  async save() {
    this.#saving = this.#saving.catch(() => {}).then(() => this.#save());
    return this.#saving;
  }

  async #save() {
    this.details.warned = [...this.warned].join(" ").slice(0, MOST_CHARACTERS);
    const key = this.#key();
    if (key === this.#saved) return;
    const details = Object.fromEntries(Object.entries(this.details).filter(([, value]) => value !== ""));
    await this.#api.saveIntakeDraft({ questionnaire_response: this.answers.response("in-progress"), language: language(), details });
    this.#saved = key;
  }

  #key() {
    return JSON.stringify([this.answers.response("in-progress").item, this.details]);
  }

  /** Link ids of the questions in which a warning sign was answered with yes. */
  get flags() {
    const enabled = this.answers.enabled();
    return allItems(this.answers.questionnaire.item)
      .filter((item) => enabled.has(item.linkId) && isRaised(item, this.answers.get(item.linkId)))
      .map(({ linkId }) => linkId);
  }

  /** Those of which the person has not been warned yet. */
  get newFlags() {
    return this.flags.filter((flag) => !this.warned.has(flag));
  }

  /** @returns {import("../types.js").NewConsultation} */
  consultation() {
    const { details } = this;
    const gp = details.gp ? { name: details.gp, ...(details.nihdi ? { nihdi: digits(details.nihdi) } : {}) } : null;
    const consents = Object.fromEntries(this.consentTexts
      .filter(({ kind }) => this.consents.has(kind) && !NOTICES.has(kind))
      .map(({ kind, version }) => [kind, {
        granted: this.consents.get(kind) === true, text_version: version, ...(kind === "report_to_gp" && gp ? { recipient: gp } : {}),
      }]));
    return {
      questionnaire_response: this.answers.response("completed"), language: language(), insurance_fund: details.fund || null,
      location: details.location,
      ...(details.callback ? { callback_number: details.callback } : {}),
      ...(gp ? { general_practitioner: gp } : {}),
      ...(details.for === "other" ? { proxy_for: {
        given_name: details.given, family_name: details.family, birthdate: details.birthdate, relationship: details.relationship,
        ...(details.national ? { national_number: digits(details.national) } : {}),
      } } : {}),
      ...(this.warned.size > 0 ? { continue_despite_warning: true } : {}),
      consents,
      notices: Object.fromEntries(this.consentTexts.filter(({ kind }) => NOTICES.has(kind))
        .map(({ kind, version }) => [kind, { acknowledged: this.consents.get(kind) === true, text_version: version }])),
      taken_s: Math.min(86_400, Math.round((Date.now() - this.#begun) / 1000)),
    };
  }
}

/**
 * An item is about warning signs by its codes: those of its options, or for a question of yes or no its own.
 * @param {import("../types.js").QuestionnaireItem} item @param {import("../types.js").AnswerValue[]} values
 */
function isRaised({ type, code = [] }, values) {
  if (type === "boolean") return code.some(isRedFlag) && values.some(({ valueBoolean }) => valueBoolean === true);
  return values.some(({ valueCoding }) => valueCoding !== undefined && isRedFlag(valueCoding));
}

/** @param {import("../types.js").Coding} coding */
function isRedFlag({ system = "" }) {
  return system.endsWith("/CodeSystem/red-flag");
}

/** @param {string} text */
export function digits(text) {
  return text.replace(/\D/g, "");
}
