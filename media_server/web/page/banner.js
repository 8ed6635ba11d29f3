/** One line over the call when something needs to be known: the most important one only. DOM only. */

import { h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { nameOf } from "./stage.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client.js").Participant} Participant */
/** @typedef {import("../client/types.js").Rating} Rating */

/** A gap shorter than this passes unnoticed; telling would worry more than it helps. */
const PATIENCE_MS = 1_200;

export class Banner {
  #client;
  #text = h("span");
  #troubleSince = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  element;

  /** @param {TeleconsultClient} client */
  constructor(client) {
    this.#client = client;
    this.element = h("div.banner", { role: "status", "aria-live": "polite", hidden: true }, h("span.spinner"), icon("warning"), this.#text);
  }

  /** @param {Rating | null} rating */
  render(rating) {
    const troubled = this.#client.state === "reconnecting" || this.#client.mediaState === "interrupted";
    if (!troubled) this.#troubleSince = 0;
    else if (this.#troubleSince === 0) this.#startTrouble(rating);
    const trouble = troubled && Date.now() - this.#troubleSince >= PATIENCE_MS;
    const message = trouble ? this.#troubleText() : this.#hint(rating);
    this.element.hidden = message === null;
    this.element.classList.toggle("trouble", trouble);
    if (message !== null) setText(this.#text, message);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** @param {Rating | null} rating */
  #startTrouble(rating) {
    this.#troubleSince = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.render(rating), PATIENCE_MS + 20);
  }

  #troubleText() {
    return t(navigator.onLine === false ? "banner.offline" : "banner.reconnecting");
  }

  /** @param {Rating | null} rating @returns {string | null} */
  #hint(rating) {
    const self = this.#client.self;
    if (self && isSilent(self, "microphone")) return t("banner.silent.self");
    if (self && isSilent(self, "camera")) return t("banner.dark.self");
    const mute = this.#client.participants.find((other) => isSilent(other, "microphone"));
    if (mute) return t("banner.silent.other", { name: nameOf(mute) });
    return rating === "poor" ? t("banner.poor") : null;
  }
}

/** @param {Participant} participant @param {"microphone" | "camera"} source */
function isSilent(participant, source) {
  const track = participant.track(source);
  return track !== undefined && !track.muted && participant.silent.has(track.id);
}
