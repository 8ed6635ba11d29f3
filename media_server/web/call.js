/**
 * The pages of patient, doctor and guest: lobby → call → end. Wires the client to what is on screen.
 *
 * In the address: `room` (which room of the walk-in entrance), `auto=1` (join at once with default devices, for kiosks
 * and tests), `codec=h264|vp8` (preferred for sending). Never a name, never a token.
 */

import { TeleconsultClient } from "./client.js";
import { endedView } from "./page/ended.js";
import { onLanguage, t } from "./page/i18n.js";
import { installLanguageMenu } from "./page/language_menu.js";
import { Lobby } from "./page/lobby.js";
import { LocalMedia } from "./page/local_media.js";
import { RoomView } from "./page/room_view.js";
import { walkInTicket } from "./page/tickets.js";

/** @typedef {import("./client/types.js").Role} Role */
/** @typedef {{element: HTMLElement, close: () => void, render?: () => void}} View */

class Page {
  #role = /** @type {Role} */ (document.body.dataset.role);
  #parameters = new URLSearchParams(location.search);
  #main = /** @type {HTMLElement} */ (document.getElementById("main"));
  #announcer = /** @type {HTMLElement} */ (document.getElementById("announcer"));
  #status = /** @type {HTMLElement} */ (document.getElementById("status"));
  #media = new LocalMedia(this.#parameters.get("codec"));
  #brand = /** @type {HTMLElement} */ (document.querySelector(".brand"));
  #name = "";
  /** @type {View | null} */
  #view = null;
  /** Shows the present view anew in another language. */
  #redraw = () => {};
  client;

  constructor() {
    this.client = new TeleconsultClient({
      getTicket: (why) => walkInTicket(why, this.#role, this.#name, this.#parameters.get("room")),
    });
    this.client.on("state", ({ state, code }) => state === "ended" && this.#showEnded(code ?? "unknown"));
    onLanguage(() => this.#redraw());
    // Leaving the page is leaving the room: the others should not look at a frozen picture until a time-out.
    addEventListener("pagehide", () => void this.client.leave());
  }

  start() {
    if (this.#parameters.get("auto") === "1") void this.#join(this.#media.start());
    else this.#showLobby();
  }

  #showLobby() {
    const lobby = new Lobby(this.#media, this.#role, this.#name, (name) => {
      this.#name = name;
      void this.#join(Promise.resolve());
    });
    this.#show(lobby, "lobby", () => {
      this.#name = lobby.name;
      this.#showLobby();
    });
  }

  /** Socket, peer connection and devices start side by side. @param {Promise<void>} devices */
  async #join(devices) {
    this.#media.bind(this.client);
    void devices; // whatever it brings is published when it comes
    const view = new RoomView(this.client, this.#media, this.#role === "doctor", {
      announce: (text) => { this.#announcer.textContent = text; },
      status: this.#status,
    });
    this.#show(view, "call", () => view.render());
    await this.client.join().catch(() => {}); // the `ended` state says why
  }

  /** @param {string} code */
  #showEnded(code) {
    const durationS = this.#view instanceof RoomView ? this.#view.durationS : 0;
    this.#media.unbind();
    this.#media.stop();
    const again = () => {
      this.#showLobby();
      void this.#media.start();
    };
    const draw = () => this.#show({ element: endedView(code, durationS, again), close: () => {} }, "ended", draw);
    draw();
  }

  /** @param {string} name  of the view; a call keeps its own title */
  #title(name) {
    const title = name === "lobby" ? t(`lobby.title.${this.#role}`) : t("app.tagline");
    if (name !== "call") document.title = `${title} · Teleconsult`;
  }

  /** @param {View} view @param {string} name @param {() => void} redraw */
  #show(view, name, redraw) {
    this.#view?.close();
    this.#view = view;
    this.#redraw = redraw;
    document.body.dataset.view = name;
    this.#brand.inert = name === "call"; // one touch on the name of the service must not end a consultation
    this.#title(name);
    this.#main.replaceChildren(view.element);
    if (document.activeElement === document.body) this.#main.focus({ preventScroll: true });
  }
}

installLanguageMenu();
const page = new Page();
Object.assign(window, { teleconsult: page.client });
page.start();
