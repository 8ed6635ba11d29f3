/** One remote picture with its sound, name, connection and voice. DOM only. */

import { h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("../client/types.js").Rating} Rating */

/**
 * @typedef {object} TileView
 * @property {string} name
 * @property {string} symbol           icon for when there is no picture
 * @property {MediaStream} stream
 * @property {boolean} picture         whether a picture is being sent
 * @property {boolean} muted           whether the microphone is off
 * @property {boolean} speaking
 * @property {Rating | null} rating
 * @property {string | null} speaker   device id for the sound
 * @property {(() => void) | null} [remove]
 */

/** Bars that say how a connection is. @returns {HTMLElement} */
export function qualityBars() {
  return h("span.bars", { role: "img" }, h("i"), h("i"), h("i"));
}

/** @param {HTMLElement} bars @param {Rating | null} rating @param {string} name */
export function renderBars(bars, rating, name) {
  bars.hidden = rating === null;
  bars.dataset.rating = rating ?? "";
  if (rating === null) return;
  const label = t("quality.label", { name, rating: t(`quality.${rating}`) });
  bars.setAttribute("aria-label", label);
  bars.title = label;
}

export class Tile {
  #video = h("video", { autoplay: true, playsinline: true });
  #avatar = h("div.avatar");
  #initials = h("span.initials");
  #note = h("small");
  #name = h("span.name");
  #mic = icon("mic-off");
  #bars = qualityBars();
  #unblock = h("button.primary.unblock", { type: "button", hidden: true, onclick: () => this.#play() });
  #remove = h("button.chip-button", { type: "button", hidden: true }, icon("close"));
  #symbol = "";
  /** @type {string | null} */
  #sink = null;
  element;

  constructor() {
    this.#avatar.append(this.#initials, this.#note);
    this.element = h("section.tile", {},
      this.#video, this.#avatar, this.#unblock,
      h("div.chip", {}, this.#mic, this.#name, this.#bars, this.#remove));
  }

  get video() {
    return this.#video;
  }

  /** @param {TileView} view */
  render({ name, symbol, stream, picture, muted, speaking, rating, speaker, remove }) {
    if (this.#video.srcObject !== stream) {
      this.#video.srcObject = stream;
      this.#play();
    }
    this.element.setAttribute("aria-label", muted ? `${name}, ${t("call.tile.muted")}` : name);
    this.element.classList.toggle("speaking", speaking);
    this.element.classList.toggle("dark", !picture);
    this.#renderAvatar(name, symbol);
    setText(this.#note, t("call.tile.nocamera"));
    setText(this.#name, name);
    this.#mic.classList.toggle("gone", !muted);
    this.#name.setAttribute("title", muted ? t("call.tile.muted") : name);
    setText(this.#unblock, t("call.tap"));
    renderBars(this.#bars, rating, name);
    this.#renderRemove(name, remove ?? null);
    void this.#useSpeaker(speaker);
  }

  close() {
    this.#video.srcObject = null;
    this.element.remove();
  }

  /** @param {string} name @param {string} symbol */
  #renderAvatar(name, symbol) {
    const initials = initialsOf(name);
    if (this.#symbol === symbol + initials) return;
    this.#symbol = symbol + initials;
    this.#initials.replaceChildren(initials || icon(symbol));
  }

  /** @param {string} name @param {(() => void) | null} remove */
  #renderRemove(name, remove) {
    this.#remove.hidden = remove === null;
    this.#remove.onclick = remove;
    this.#remove.setAttribute("aria-label", t("call.remove", { name }));
    this.#remove.title = t("call.remove", { name });
  }

  /** Browsers let sound begin only after the person has touched the page; then we ask for that touch. */
  #play() {
    this.#video.play().then(
      () => { this.#unblock.hidden = true; },
      (error) => { if (error?.name === "NotAllowedError") this.#unblock.hidden = false; },
    );
  }

  /** @param {string | null} speaker */
  async #useSpeaker(speaker) {
    if (speaker === this.#sink || !("setSinkId" in this.#video)) return;
    this.#sink = speaker;
    await this.#video.setSinkId(speaker ?? "").catch(() => {}); // unplugged meanwhile: the default stays
  }
}

/** Two letters at most; titles such as “Dr.” are no part of a name. @param {string} name */
function initialsOf(name) {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word) && !word.endsWith("."));
  if (words.length === 0) return "";
  const letters = words.length === 1 ? [words[0]] : [words[0], words.at(-1)];
  return letters.map((word) => [...(word ?? "")][0]?.toUpperCase() ?? "").join("");
}
