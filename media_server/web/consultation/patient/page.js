/**
 * The patient's page: log in → home → about you, questions, consents → the visit → afterwards. Which of these is on screen
 * follows from what the service says, so that a reload comes back to the same place.
 *
 * In the address: `login=refused|failed|expired`, how logging in ended. Never a name, never a token.
 */

import { installLanguageMenu } from "../../page/language_menu.js";
import { h } from "../../page/dom.js";
import { Api } from "../api.js";
import { errorText } from "../errors.js";
import { onLanguage, t } from "../i18n.js";
import { loading, notice } from "../parts/layout.js";
import { symbol } from "../parts/symbols.js";
import { forgetComplaints, toast } from "../parts/toast.js";
import { AfterView } from "./after_view.js";
import { Flow } from "./flow.js";
import { homeView } from "./home_view.js";
import { t as own } from "./i18n.js";
import { loginView } from "./login_view.js";
import { trailView } from "./trail_view.js";
import { Visit } from "./visit.js";

/** @typedef {import("../types.js").Consultation} Consultation */
/** @typedef {import("../types.js").Me} Me */
/** @typedef {{element: HTMLElement, title: string, close?: () => void, render?: () => void}} View */

const OVER = new Set(["finished", "cancelled"]);

class Page {
  api = new Api();
  /** @type {Me | null} */
  me = null;
  #main = /** @type {HTMLElement} */ (document.getElementById("main"));
  #announcer = /** @type {HTMLElement} */ (document.getElementById("announcer"));
  status = /** @type {HTMLElement} */ (document.getElementById("status"));
  #brand = /** @type {HTMLElement} */ (document.querySelector(".brand"));
  /** @type {View | null} */
  #view = null;
  /** @type {Visit | null} */
  visit = null;
  #redraw = () => {};

  constructor() {
    onLanguage(() => this.#redraw());
    this.api.addEventListener("logged-out", () => void this.#loggedOut());
  }

  /** Find out where this person is, and go there. */
  async start() {
    const problem = new URLSearchParams(location.search).get("login");
    if (problem) history.replaceState(null, "", location.pathname);
    await this.attempt(async () => {
      this.me = await this.api.me();
      if (!this.me) return this.#showLogin(problem);
      if (this.me.role !== "patient") return this.#showLogin("other-role");
      return this.#resume();
    });
  }

  /**
   * Do something that may fail for a while; say so, and offer to try again.
   * @param {() => Promise<unknown>} act
   */
  async attempt(act) {
    this.show("loading", () => ({ element: h("div.page", {}, loading()), title: t("common.loading") }));
    try {
      await act();
    } catch (error) {
      const retry = () => void this.attempt(act);
      this.show("trouble", () => ({
        title: own("home.title"),
        element: h("div.page", {}, h("h1", { tabindex: -1 }, own("trouble.title")),
          notice("warning", null, h("p", {}, errorText(error)), h("button.quiet", { type: "button", onclick: retry }, t("common.retry")))),
      }));
    }
  }

  /**
   * Draw a view, and anew in another language.
   * @param {string} name  of the view, for styles @param {() => View} draw
   */
  show(name, draw) {
    const again = () => {
      this.#view?.close?.();
      this.#view = draw();
      document.title = `${this.#view.title} · Teleconsult`;
      this.#main.replaceChildren(this.#view.element);
    };
    const head = () => {
      if (name !== "call") this.status.replaceChildren(...(this.me && name !== "login" ? [this.#logoutButton()] : []));
    };
    this.#redraw = () => {
      if (this.#view?.render) this.#view.render();
      else again();
      head();
    };
    forgetComplaints();
    document.body.dataset.view = name;
    this.#brand.inert = name === "call" || name === "wait"; // one touch on the service's name must not end it
    again(); // which closes the one before, and with a call what that has put into the page's head
    head();
    const heading = /** @type {HTMLElement | null} */ (this.#main.querySelector("h1[tabindex]"));
    (heading ?? this.#main).focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }

  /** Read aloud. @param {string} text */
  say(text) {
    this.#announcer.textContent = text;
  }

  /** Draw the present view again, after something in it has changed. */
  redraw() {
    this.#redraw();
  }

  async goHome() {
    this.visit = null;
    await this.attempt(async () => {
      this.me = await this.api.me();
      if (this.me) await this.#showHome();
    });
  }

  async startIntake() {
    await this.attempt(() => new Flow(this).start());
  }

  /** @param {Consultation} consultation @param {boolean} [fresh]  just made: devices are to be checked */
  startVisit(consultation, fresh = false) {
    this.visit = new Visit(this, consultation);
    this.visit.start(fresh);
  }

  /** @param {Consultation} consultation */
  showAfter(consultation) {
    this.visit = null;
    const view = new AfterView(this, consultation);
    this.show("after", () => view.draw());
  }

  async showTrail() {
    await this.attempt(async () => {
      const entries = await this.api.auditTrail();
      this.show("trail", () => trailView(this, entries));
    });
  }

  async #resume() {
    const active = this.me?.patient?.active_consultation;
    if (active) {
      const consultation = await this.api.consultation(active);
      if (!OVER.has(consultation.state)) return this.startVisit(consultation);
    }
    if (this.me?.patient?.intake_draft && history.state?.place) return this.startIntake(); // reloaded amid the questions
    return this.#showHome();
  }

  async #showHome() {
    const me = /** @type {Me} */ (this.me);
    const consultations = await this.api.consultations();
    this.show("home", () => homeView(this, me, consultations));
  }

  /** @param {string | null} problem */
  async #showLogin(problem) {
    const options = await this.api.loginOptions();
    this.show("login", () => loginView(this, options, problem));
  }

  async #loggedOut() {
    if (!this.me) return;
    this.me = null;
    await this.visit?.stop();
    this.visit = null;
    await this.attempt(() => this.#showLogin("over"));
  }

  /** Camera, microphone and the room end here and now, whatever the service says to it. */
  async logout() {
    this.me = null;
    const stopped = this.visit?.stop();
    this.visit = null;
    await this.api.logout().catch(() => {});
    await stopped;
    await this.attempt(() => this.#showLogin(null));
  }

  #logoutButton() {
    return h("button.quiet.logout", { type: "button", onclick: () => void this.logout().catch((error) => toast(errorText(error), "bad")) },
      symbol("logout"), h("span", {}, t("common.logout")));
  }
}

/** @typedef {Page} App */

installLanguageMenu();
const page = new Page();
Object.defineProperty(window, "teleconsult", { get: () => page.visit?.client ?? null });
void page.start();
