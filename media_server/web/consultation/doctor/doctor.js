/**
 * The doctor's page: logging in → the waiting room → a consultation. Which of them is on screen follows from what
 * the service says, so that a reload comes back to the same place.
 *
 * In the address: `login=refused|failed|expired`, how logging in ended. Never a name, never a token.
 */

import { TeleconsultClient } from "../../client.js";
import { installLanguageMenu } from "../../page/language_menu.js";
import { LocalMedia } from "../../page/local_media.js";
import { Api } from "../api.js";
import { errorText } from "./errors.js";
import { onLanguage, t as shared } from "../i18n.js";
import { loading } from "../parts/layout.js";
import { DeskView } from "./desk_view.js";
import { openHelp } from "./help_dialog.js";
import { reword } from "./i18n.js";
import { loginView, strangerView, unreachableView } from "./login_view.js";
import { openSessionOver } from "./session_over.js";
import { listenForShortcuts } from "./shortcuts.js";
import { symbol } from "./symbols.js";
import { ticketFor } from "./tickets.js";
import { Workspace } from "./workspace.js";

/** @typedef {import("../types.js").Consultation} Consultation */
/** @typedef {import("../types.js").Me} Me */
/**
 * @typedef {{element: HTMLElement, close?: () => void, relabel?: () => void, keys?: Record<string, () => void>}} View
 */

class Page {
  #api = new Api();
  /** @type {Me | null} */
  #me = null;
  #main = byId("main");
  #announcer = byId("announcer");
  #status = byId("status");
  #help = byId("help");
  #logout = byId("logout");
  #brand = /** @type {HTMLElement} */ (document.querySelector(".brand"));
  #media = new LocalMedia();
  /** @type {View | null} */
  #view = null;
  /** Shows the present view anew in another language. */
  #redraw = () => {};
  client;

  constructor() {
    this.client = new TeleconsultClient({ getTicket: () => ticketFor(this.#api, this.#consultation) });
    this.#api.addEventListener("logged-out", () => void this.#loggedOut());
    onLanguage(() => {
      reword();
      this.#redraw();
    });
    listenForShortcuts(() => ({ "?": openHelp, ...this.#view?.keys }));
    this.#help.addEventListener("click", openHelp);
    this.#logout.addEventListener("click", () => void this.#leave());
    // Leaving the page is leaving the room: the patient should not look at a frozen picture until a time-out.
    addEventListener("pagehide", () => void this.client.leave());
    this.#help.append(symbol("keyboard"));
    this.#logout.append(symbol("logout"));
    reword();
  }

  async start() {
    const outcome = new URLSearchParams(location.search).get("login");
    if (outcome) history.replaceState(null, "", location.pathname);
    this.#show({ element: loading() }, "door");
    try {
      this.#me = await this.#api.me();
      await this.#enter(outcome);
    } catch (error) {
      this.#showDoor(() => unreachableView(errorText(error), () => void this.start()));
    }
  }

  get #consultation() {
    return this.#view instanceof Workspace ? this.#view.open.id : null;
  }

  /** @param {string | null} outcome  of an attempt to log in */
  async #enter(outcome) {
    if (this.#me === null) {
      const options = await this.#api.loginOptions();
      return this.#showDoor(() => loginView(options, outcome));
    }
    if (!this.#me.doctor) {
      const { name } = this.#me;
      return this.#showDoor(() => strangerView(name, () => void this.#leave()));
    }
    const current = (await this.#api.consultations()).find(({ state }) => state === "in-progress");
    return current ? this.#showCase(current) : this.#showDesk();
  }

  /** @param {() => HTMLElement} draw */
  #showDoor(draw) {
    this.#show({ element: draw() }, "door", () => this.#showDoor(draw));
  }

  #showDesk() {
    if (!this.#me?.doctor) return;
    const me = /** @type {Me & {doctor: import("../types.js").MeDoctor}} */ (this.#me);
    const desk = new DeskView(this.#api, me,
      { announce: this.#announce, open: (consultation) => this.#showCase(consultation) });
    this.#show(desk, "desk", () => desk.render());
  }

  /** @param {Consultation} consultation */
  #showCase(consultation) {
    const workspace = new Workspace(this.#api, this.client, this.#media, consultation, {
      announce: this.#announce, status: this.#status, leave: () => void this.#backToDesk(),
    });
    this.#show(workspace, "case", () => workspace.relabel());
  }

  async #backToDesk() {
    this.#me = (await this.#api.me().catch(() => null)) ?? this.#me;
    this.#showDesk();
  }

  /** The session is over. A consultation stays on screen: what was typed into it must not be lost. */
  async #loggedOut() {
    if (!(this.#view instanceof Workspace)) {
      this.#me = null;
      return this.#enter("over").catch(() => {});
    }
    const workspace = this.#view;
    workspace.hangUp();
    if (await openSessionOver(async () => (await this.#api.me()) !== null)) workspace.goOn();
    return undefined;
  }

  async #leave() {
    try {
      await this.#api.logout();
    } finally {
      this.#me = null;
      await this.#enter(null).catch(() => this.start());
    }
  }

  #announce = (/** @type {string} */ text) => { this.#announcer.textContent = text; };

  /** @param {View} view @param {"door" | "desk" | "case"} name @param {() => void} [redraw] */
  #show(view, name, redraw = () => {}) {
    this.#view?.close?.();
    this.#view = view;
    this.#redraw = redraw;
    document.body.dataset.view = name;
    this.#brand.inert = name === "case"; // one touch on the name of the service must not end a consultation
    this.#logout.hidden = this.#me === null || name === "case";
    this.#logout.title = shared("common.logout");
    this.#logout.setAttribute("aria-label", shared("common.logout"));
    this.#help.hidden = name === "door";
    if (name === "door") document.title = "Teleconsult";
    this.#main.replaceChildren(view.element);
    if (document.activeElement === document.body) this.#main.focus({ preventScroll: true });
  }
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

installLanguageMenu();
const page = new Page();
Object.assign(window, { teleconsult: page.client });
void page.start();
