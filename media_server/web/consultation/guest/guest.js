/**
 * The page of somebody who was invited: check camera and name, come by the link, wait to be let in, the call.
 *
 * In the address: after the `#` the invitation's token, which is taken out of it at once and used once. After a reload
 * the session tells who one is.
 */

import { TeleconsultClient } from "../../client.js";
import { endedView } from "../../page/ended.js";
import { onLanguage, t as page } from "../../page/i18n.js";
import { installLanguageMenu } from "../../page/language_menu.js";
import { Lobby } from "../../page/lobby.js";
import { LocalMedia } from "../../page/local_media.js";
import { Api, ApiError } from "../api.js";
import { ticketFor } from "../doctor/tickets.js";
import { errorText } from "../errors.js";
import { loading } from "../parts/layout.js";
import { toast } from "../parts/toast.js";
import { GuestRoom } from "./guest_room.js";
import { t } from "./i18n.js";
import { messageView } from "./message_view.js";

/** @typedef {{element: HTMLElement, close?: () => void, render?: () => void}} View */

class Page {
  #api = new Api();
  #main = /** @type {HTMLElement} */ (document.getElementById("main"));
  #announcer = /** @type {HTMLElement} */ (document.getElementById("announcer"));
  #status = /** @type {HTMLElement} */ (document.getElementById("status"));
  #media = new LocalMedia();
  /** Until it has been used. @type {string | null} */
  #token = null;
  /** @type {string | null} */
  #consultation = null;
  #name = "";
  /** @type {View | null} */
  #view = null;
  #redraw = () => {};
  client;

  constructor() {
    this.client = new TeleconsultClient({ getTicket: () => ticketFor(this.#api, this.#consultation) });
    this.client.on("state", ({ state, code }) => state === "ended" && this.#showEnded(code ?? "unknown"));
    onLanguage(() => this.#redraw());
    addEventListener("pagehide", () => void this.client.leave());
    // Another link, opened where this page is: only what is after the # differs, and nothing would be loaded.
    addEventListener("hashchange", () => location.hash.length > 1 && location.reload());
  }

  async start() {
    this.#token = location.hash.slice(1) || null;
    if (this.#token) history.replaceState(null, "", location.pathname);
    if (!this.#token) {
      this.#show({ element: loading() }, "lobby");
      try {
        const me = await this.#api.me();
        this.#consultation = me?.guest?.consultation ?? null;
      } catch (error) {
        return this.#showMessage(() => messageView(page("ended.unreachable.title"), errorText(error),
          () => void this.start()));
      }
      if (this.#consultation === null) return this.#showMessage(() => messageView(t("none.title"), t("none.lead"),
        null));
    }
    return this.#showLobby();
  }

  #showLobby() {
    const lobby = new Lobby(this.#media, "guest", this.#name, (name) => void this.#enter(name));
    const name = /** @type {HTMLInputElement} */ (lobby.element.querySelector("#name"));
    // The others must know who comes in; once said with the invitation, it stays so.
    name.required = this.#token !== null;
    /** @type {HTMLElement} */ (name.closest(".field")).hidden = this.#token === null;
    this.#show(lobby, "lobby", () => {
      this.#name = lobby.name;
      this.#showLobby();
    });
  }

  /** @param {string} name */
  async #enter(name) {
    this.#name = name;
    try {
      if (this.#token !== null) this.#consultation = (await this.#api.acceptInvitation(this.#token, name)).consultation;
      this.#token = null;
    } catch (error) {
      if (error instanceof ApiError && (error.code === "invitation" || error.status === 404 || error.status === 410)) {
        this.#media.stop();
        return this.#showMessage(() => messageView(t("over.title"), t("over.lead"), null));
      }
      toast(errorText(error), "bad");
      return this.#showLobby();
    }
    return this.#join();
  }

  async #join() {
    this.#media.bind(this.client);
    const announce = (/** @type {string} */ text) => { this.#announcer.textContent = text; };
    const room = new GuestRoom(this.#api, this.client, this.#media, /** @type {string} */ (this.#consultation),
      { announce, status: this.#status });
    this.#show(room, "call", () => room.render());
    await this.client.join().catch(() => {}); // the `ended` state says why
  }

  /** @param {string} code */
  #showEnded(code) {
    const durationS = this.#view instanceof GuestRoom ? this.#view.durationS : 0;
    this.#media.unbind();
    this.#media.stop();
    const again = () => {
      this.#showLobby();
      void this.#media.start();
    };
    const draw = () => this.#show({ element: endedView(code, durationS, again) }, "ended", draw);
    draw();
  }

  /** @param {() => HTMLElement} draw */
  #showMessage(draw) {
    this.#show({ element: draw() }, "ended", () => this.#showMessage(draw));
  }

  /** @param {View} view @param {"lobby" | "call" | "ended"} name @param {() => void} [redraw] */
  #show(view, name, redraw = () => {}) {
    this.#view?.close?.();
    this.#view = view;
    this.#redraw = redraw;
    document.body.dataset.view = name;
    const title = page(name === "lobby" ? "lobby.title.guest" : "app.tagline");
    if (name !== "call") document.title = `${title} · Teleconsult`;
    this.#main.replaceChildren(view.element);
    if (document.activeElement === document.body) this.#main.focus({ preventScroll: true });
  }
}

installLanguageMenu();
const guest = new Page();
Object.assign(window, { teleconsult: guest.client });
void guest.start();
