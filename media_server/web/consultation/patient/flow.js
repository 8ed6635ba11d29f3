/**
 * From "new consultation" to a place in the queue: about you → questions → (a warning) → consents. The browser's back
 * button goes back one screen, and nothing that was typed is lost by it.
 */

import { h } from "../../page/dom.js";
import { ApiError } from "../api.js";
import { errorText } from "../errors.js";
import { language, onLanguage } from "../i18n.js";
import { steps } from "../parts/layout.js";
import { toast } from "../parts/toast.js";
import { aboutView } from "./about_view.js";
import { consentsView } from "./consents_view.js";
import { t } from "./i18n.js";
import { Intake } from "./intake.js";
import { faultOf, screensOf } from "./questionnaire.js";
import { questionsView } from "./questions_view.js";
import { stopView } from "./stop_view.js";

/** @typedef {import("./page.js").App} App */
/** @typedef {import("./page.js").View} View */
/** @typedef {{step: "about" | "questions" | "stop" | "consents", screen: number}} Place */

export const STEPS = /** @type {const} */ (["step.about", "step.questions", "step.consents", "step.check"]);
const NUMBERS = { about: 0, questions: 1, stop: 1, consents: 2 };

export class Flow {
  app;
  intake;
  /** @type {Place} */
  #place = { step: "about", screen: 0 };
  /** Stops listening. */
  #stops;
  /** @type {import("../types.js").StopScreen | null} */
  #stopScreen = null;

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
    await this.intake.load(this.app.me?.patient?.intake_draft === true);
    const before = /** @type {Place | null} */ (history.state?.place ?? null);
    if (before) this.#show(before.step === "stop" ? { ...before, step: "questions" } : before);
    else this.go(this.#firstOpen());
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

  /** @param {Place} place */
  go(place) {
    history.pushState({ place }, "", location.pathname);
    this.#show(place);
  }

  back() {
    history.back();
  }

  /** It is said for whom, and where they are. */
  async described() {
    await this.intake.save();
    this.go({ step: "questions", screen: 0 });
  }

  /** The screen of questions that is shown has been answered. */
  async answered() {
    const { intake } = this;
    await intake.save();
    if (intake.toWarn) return this.#warn();
    return this.#onward();
  }

  #onward() {
    const next = this.#place.screen + 1;
    this.go(next < this.screens.length ? { step: "questions", screen: next } : { step: "consents", screen: 0 });
  }

  async #warn() {
    this.#stopScreen = await this.app.api.stopScreen(language());
    this.go({ step: "stop", screen: this.#place.screen });
  }

  /** What the person does about the warning; the service writes it down. @param {"call-112" | "continue"} choice */
  async warned(choice) {
    const { answers } = this.intake;
    await this.app.api.intakeWarning({ choice, flags: this.intake.flags(), questionnaire_version: answers.questionnaire.version ?? "" });
    if (choice === "continue") {
      for (const flag of this.intake.flags()) this.intake.warned.add(flag);
      this.#onward();
    }
  }

  /** Everything is said: take a place in the queue. Rejects with what the service has against it. */
  async submit() {
    try {
      const consultation = await this.app.api.createConsultation(this.intake.consultation());
      this.#end();
      this.app.startVisit(consultation, true);
    } catch (error) {
      if (error instanceof ApiError && error.code === "already-waiting") {
        this.#end();
        return this.app.start();
      }
      if (error instanceof ApiError && error.code === "text-changed") {
        this.intake.forgetTexts();
        await this.#reload();
      }
      if (error instanceof ApiError && error.code === "red-flag" && this.intake.toWarn) return this.#warn();
      if (error instanceof ApiError && this.#goToFault(error)) return undefined;
      throw error;
    }
    return undefined;
  }

  /** Where the service found something wrong, there the person should be. @param {ApiError} error */
  #goToFault(error) {
    const fields = error.errors.map(({ field }) => field);
    const about = fields.some((field) => /^\/(location|callback_number|insurance_fund|general_practitioner|proxy_for|consents\/report_to_gp\/recipient)/.test(field));
    const answer = fields.find((field) => field.startsWith("/questionnaire_response"));
    if (!about && answer === undefined) return false;
    const linkId = answer?.split("#")[1];
    const screen = Math.max(0, this.screens.findIndex(({ items }) => items.some((item) => item.linkId === linkId)));
    this.go(about ? { step: "about", screen: 0 } : { step: "questions", screen });
    toast(errorText(error), "bad");
    return true;
  }

  /** @param {Place} place */
  #show(place) {
    this.#place = place;
    if (place.step === "questions") this.#place = { ...place, screen: Math.min(place.screen, this.screens.length - 1) };
    this.app.show("flow", () => this.#draw());
  }

  /** @returns {View} */
  #draw() {
    const { step, screen } = this.#place;
    const head = steps(STEPS.map((key) => t(key)), NUMBERS[step]);
    const view = step === "about" ? aboutView(this)
      : step === "questions" ? questionsView(this, screen)
        : step === "stop" && this.#stopScreen ? stopView(this, this.#stopScreen)
          : consentsView(this);
    const element = h("div.page", {}, step === "stop" ? null : head, view.element);
    return { element, title: view.title };
  }

  /** In another language the questions are the same ones. */
  async #reload() {
    try {
      await this.intake.load();
      if (this.#place.step === "stop") this.#stopScreen = await this.app.api.stopScreen(language());
      this.app.redraw();
    } catch (error) {
      toast(errorText(error), "bad");
    }
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
