/**
 * From "new consultation" to a place in the queue: about you → questions → (a warning) → consents. The browser's back
 * button goes back one screen, and nothing that was typed is lost by it.
 */

import { h } from "../../page/dom.js";
import { ApiError } from "../api.js";
import { errorText, fieldText } from "../errors.js";
import { language, onLanguage, t as shared } from "../i18n.js";
import { steps } from "../parts/layout.js";
import { toast } from "../parts/toast.js";
import { aboutView } from "./about_view.js";
import { consentsView } from "./consents_view.js";
import { t } from "./i18n.js";
import { Intake } from "./intake.js";
import { allItems, faultOf, isQuestion, linkIdAt, screensOf } from "./questionnaire.js";
import { questionsView } from "./questions_view.js";
import { stopView } from "./stop_view.js";

/** @typedef {import("./page.js").App} App */
/** @typedef {import("./page.js").View} View */
/** @typedef {import("../types.js").QuestionnaireItem} Item */
/** @typedef {import("../types.js").QuestionnaireResponse} QuestionnaireResponse */
/**
 * Of the warning, `then` is where one was going, and `screen` that of the answer it is about; `behind`: one came from there.
 * @typedef {{step: "about" | "questions" | "stop" | "consents", screen: number, then?: Place, behind?: boolean}} Place
 */

/** @typedef {(error: ApiError, faults: Map<Item, string>) => void} Mark  what the service has against what was sent */

const ASKED_OF_ONESELF = /^\/(location|callback_number|insurance_fund|general_practitioner|proxy_for|consents\/report_to_gp\/recipient)/;
const ANSWERS = "/questionnaire_response";

export const STEPS = /** @type {const} */ (["step.about", "step.questions", "step.consents", "step.check"]);
const NUMBERS = { about: 0, questions: 1, stop: 1, consents: 2 };

export class Flow {
  app;
  intake;
  /** @type {Place} */
  #place = { step: "about", screen: 0 };
  /** Stops listening. */
  #stops;
  /** At hand before it is needed. @type {import("../types.js").StopScreen | null} */
  #stopScreen = null;
  /** Marks fields of what is on screen; null where there is nothing to mark. @type {Mark | null} */
  #mark = null;

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.intake = new Intake(app.api);
    const onPop = (/** @type {PopStateEvent} */ event) => {
      const place = /** @type {Place | null} */ (event.state?.place ?? null);
      if (place) this.#show(place);
      else void this.#leave();
    };
    addEventListener("popstate", onPop);
    const stopLanguage = onLanguage(() => void this.#reload());
    this.#stops = () => {
      removeEventListener("popstate", onPop);
      stopLanguage();
    };
  }

  /** Where one was: after a reload on the same screen, otherwise where something is still to be said. */
  async start() {
    await Promise.all([this.intake.load(this.app.me?.patient?.intake_draft === true), this.#loadStopScreen()]);
    const before = /** @type {Place | null} */ (history.state?.place ?? null);
    const open = this.#firstOpen();
    // What was answered of another version of the questions is asked anew.
    if (before && !isPast(before, open)) this.#show(before);
    else this.go(open);
  }

  /** @returns {Place} */
  #firstOpen() {
    const { answers, details } = this.intake;
    if (details.for === "" || details.location === "") return { step: "about", screen: 0 };
    const enabled = answers.enabled();
    const open = this.screens.findIndex(({ items }) =>
      items.some((item) => enabled.has(item.linkId) && faultOf(item, answers.get(item.linkId)) !== null));
    return open >= 0 ? { step: "questions", screen: open } : { step: "consents", screen: 0 };
  }

  get screens() {
    const enabled = this.intake.answers.enabled();
    return screensOf(this.intake.answers.questionnaire.item)
      .filter(({ items }) => items.some(({ linkId, type }) => enabled.has(linkId) && type !== "display"));
  }

  /** The number of the screen that has one of these questions, the first if none has. @param {string[]} linkIds */
  #screenWith(linkIds) {
    return Math.max(0, this.screens.findIndex(({ items }) => allItems(items).some(({ linkId }) => linkIds.includes(linkId))));
  }

  /** @param {Place} place */
  go(place) {
    history.pushState({ place }, "", location.pathname);
    this.#show(place);
  }

  back() {
    history.back();
  }

  /** It is said for whom, and where they are. Rejects with what the service has against it. */
  async described() {
    if (await this.#saved()) this.go({ step: "questions", screen: 0 });
  }

  /** The screen of questions that is shown has been answered. Rejects with what the service has against it. */
  async answered() {
    if (!(await this.#saved())) return;
    const next = this.#place.screen + 1;
    this.go(next < this.screens.length ? { step: "questions", screen: next } : { step: "consents", screen: 0 });
  }

  /** Whether all is kept; otherwise the person is where something is wrong with it. */
  async #saved() {
    try {
      await this.intake.save();
      return true;
    } catch (error) {
      if (error instanceof ApiError && this.#goToFault(error, this.intake.answers.response("in-progress"))) return false;
      throw error;
    }
  }

  /** An answer calls for a warning before one gets there. @param {Place} then @returns {Place} */
  #warning(then) {
    const screen = this.#screenWith(this.intake.newFlags);
    return { step: "stop", screen, then, behind: this.#place.step === "questions" && this.#place.screen === screen };
  }

  /** What the person does about the warning; the service writes it down. @param {"call-112" | "continue"} choice */
  async warned(choice) {
    const { answers, flags } = this.intake;
    await this.app.api.intakeWarning({ choice, flags, questionnaire_version: answers.questionnaire.version ?? "" });
    if (choice === "continue") {
      for (const flag of flags) this.intake.warned.add(flag);
      void this.intake.save().catch(() => {}); // else it is asked once more after a reload
      this.#replace(this.#place.then ?? { step: "questions", screen: this.#place.screen });
    }
  }

  /** Back from the warning to the answer that it is about. */
  reconsider() {
    if (this.#place.behind) this.back();
    else this.#replace({ step: "questions", screen: this.#screenWith(this.intake.newFlags) });
  }

  /** Everything is said: take a place in the queue. Rejects with what the service has against it. */
  async submit() {
    const wanted = this.intake.consultation();
    try {
      const consultation = await this.app.api.createConsultation(wanted);
      this.#end();
      this.app.startVisit(consultation, true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "already-waiting") {
        this.#end();
        return this.app.start();
      }
      if (error.code === "text-changed") {
        this.intake.forgetTexts();
        await this.#reload();
        return toast(errorText(error), "bad");
      }
      if (error.code === "red-flag" && this.intake.flags.length > 0) return this.#warnAgain();
      if (this.#goToFault(error, wanted.questionnaire_response)) return undefined;
      throw error;
    }
    return undefined;
  }

  /** The service has not heard that one goes on all the same. @returns {void} */
  #warnAgain() {
    this.intake.warned.clear();
    this.#replace({ step: "consents", screen: 0 });
  }

  /**
   * Where the service found something wrong, there the person should be, and see it.
   * @param {ApiError} error @param {QuestionnaireResponse} sent
   * @returns {boolean} whether it is about anything that is asked here
   */
  #goToFault(error, sent) {
    const about = error.errors.some(({ field }) => ASKED_OF_ONESELF.test(field));
    const faults = this.#faults(error, sent);
    const [first] = faults.keys();
    if (!about && !first) return false;
    this.#goOrStay(about || !first ? { step: "about", screen: 0 } : { step: "questions", screen: this.#screenWith([first.linkId]) });
    this.#mark?.(error, faults);
    toast(errorText(error), "bad");
    return true;
  }

  /** Questions with what is wrong with their answers, in words. @param {ApiError} error @param {QuestionnaireResponse} sent */
  #faults(error, sent) {
    const { answers } = this.intake;
    const enabled = answers.enabled();
    const all = allItems(answers.questionnaire.item);
    /** @type {Map<Item, string>} */
    const faults = new Map();
    for (const { field, code } of error.errors) {
      if (!field.startsWith(ANSWERS)) continue;
      const at = all.find(({ linkId }) => linkId === linkIdAt(sent, field.slice(ANSWERS.length)));
      // What is missing is told of where it belongs: a group, or the whole.
      const within = (at ? allItems([at]) : all).filter((item) => isQuestion(item) && enabled.has(item.linkId));
      const item = at && isQuestion(at) ? at : within.find((each) => faultOf(each, answers.get(each.linkId))) ?? (at && within[0]);
      if (item && !faults.has(item)) faults.set(item, answerText(item, answers.get(item.linkId), code));
    }
    return faults;
  }

  /** @param {Place} place */
  #goOrStay(place) {
    if (place.step === this.#place.step && place.screen === this.#place.screen) this.#show(place);
    else this.go(place);
  }

  /** There instead of here, also for the browser's back button. @param {Place} place */
  #replace(place) {
    history.replaceState({ place }, "", location.pathname);
    this.#show(place);
  }

  /** @param {Place} place */
  #show(place) {
    const shown = this.#allowed(place);
    if (shown !== place) history.replaceState({ place: shown }, "", location.pathname);
    this.#place = shown;
    this.app.show("flow", () => this.#draw());
  }

  /** Nobody gets past a warning that is due, in whichever way they come. @param {Place} place @returns {Place} */
  #allowed(place) {
    const { step, screen } = place;
    const due = this.intake.newFlags;
    if (step === "stop") return due.length > 0 ? place : { step: "questions", screen };
    const last = this.screens.length - 1;
    if (step === "questions" && screen > last) return this.#allowed({ step, screen: last });
    const past = step === "consents" || (step === "questions" && screen > this.#screenWith(due));
    return due.length > 0 && past ? this.#warning(place) : place;
  }

  /** @returns {View} */
  #draw() {
    const { step, screen } = this.#place;
    const head = steps(STEPS.map((key) => t(key)), NUMBERS[step]);
    /** @type {View & {mark?: Mark}} */
    const view = step === "about" ? aboutView(this)
      : step === "questions" ? questionsView(this, screen)
        : step === "stop" ? stopView(this, /** @type {import("../types.js").StopScreen} */ (this.#stopScreen))
          : consentsView(this);
    this.#mark = view.mark ?? null;
    const element = h("div.page", {}, step === "stop" ? null : head, view.element);
    return { element, title: view.title };
  }

  /** In another language the questions are the same ones. */
  async #reload() {
    try {
      await Promise.all([this.intake.load(), this.#loadStopScreen()]);
      this.app.redraw();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }

  async #loadStopScreen() {
    this.#stopScreen = await this.app.api.stopScreen(language());
  }

  async #leave() {
    this.#end();
    await this.app.goHome();
  }

  #end() {
    this.#stops();
    history.replaceState(null, "", location.pathname);
  }
}

/** @param {Place} one @param {Place} other */
function isPast(one, other) {
  return NUMBERS[one.step] > NUMBERS[other.step] || (one.step === other.step && one.screen > other.screen);
}

/**
 * What is wrong with an answer: by our own rules, else by the service's code.
 * @param {Item} item @param {import("../types.js").AnswerValue[]} values @param {string} code
 */
function answerText(item, values, code) {
  const fault = faultOf(item, values);
  return fault ? shared(`field.${fault.code}`, fault.values) : fieldText(code);
}
