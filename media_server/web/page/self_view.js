/** One's own small picture: in a corner, moved by pointer or arrow keys. DOM only. */

import { h, icon, setIcon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { qualityBars, renderBars } from "./tile.js";

/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("../client/types.js").Rating} Rating */

const STEP_KEYS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

export class SelfView {
  #video = h("video", { autoplay: true, playsinline: true, muted: true });
  #name = h("span.name");
  #mic = icon("mic-off");
  #bars = qualityBars();
  #cover = icon("camera-off");
  /** Which corner: -1 or 1 for left/right and top/bottom. */
  #corner = { x: 1, y: 1 };
  /** @type {{x: number, y: number} | null} */
  #grip = null;
  element;

  constructor() {
    this.#video.muted = true;
    this.element = h("section.self", {
      tabindex: 0,
      role: "group",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      onpointerdown: (/** @type {PointerEvent} */ event) => this.#grab(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.#drag(event),
      onpointerup: () => this.#drop(),
      onpointercancel: () => this.#drop(),
    }, this.#video, this.#cover, h("div.chip", {}, this.#mic, this.#name, this.#bars));
    this.#settle();
  }

  /** @param {LocalMedia} media @param {Rating | null} rating @param {boolean} speaking */
  render(media, rating, speaking) {
    const track = media.wanted.video ? media.tracks.video : null;
    const shown = this.#video.srcObject instanceof MediaStream ? this.#video.srcObject.getVideoTracks()[0] : null;
    if (track && shown !== track) this.#video.srcObject = new MediaStream([track]);
    if (!track) this.#video.srcObject = null;
    this.#video.hidden = !track;
    this.#video.classList.toggle("mirrored", media.facing === "user");
    this.#cover.classList.toggle("gone", Boolean(track));
    setIcon(this.#mic, media.isOn("audio") ? "mic" : "mic-off");
    this.#mic.classList.toggle("gone", media.isOn("audio"));
    this.element.classList.toggle("speaking", speaking && media.isOn("audio"));
    this.element.setAttribute("aria-label", t("call.self"));
    setText(this.#name, t("role.you"));
    renderBars(this.#bars, rating, t("role.you"));
  }

  close() {
    this.#video.srcObject = null;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = STEP_KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    this.#corner = { x: step[0] || this.#corner.x, y: step[1] || this.#corner.y };
    this.#settle();
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    this.element.setPointerCapture(event.pointerId);
    this.#grip = { x: event.clientX, y: event.clientY };
    this.element.classList.add("dragging");
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (!this.#grip) return;
    const dx = event.clientX - this.#grip.x;
    const dy = event.clientY - this.#grip.y;
    this.element.style.transform = `translate(${dx}px, ${dy}px)`;
  }

  /** Let go: the nearest corner takes it. */
  #drop() {
    if (!this.#grip) return;
    this.#grip = null;
    const area = this.element.parentElement?.getBoundingClientRect();
    const own = this.element.getBoundingClientRect();
    this.element.classList.remove("dragging");
    this.element.style.transform = "";
    if (area) {
      this.#corner = {
        x: own.x + own.width / 2 < area.x + area.width / 2 ? -1 : 1,
        y: own.y + own.height / 2 < area.y + area.height / 2 ? -1 : 1,
      };
    }
    this.#settle();
  }

  #settle() {
    this.element.dataset.corner = `${this.#corner.y < 0 ? "top" : "bottom"}-${this.#corner.x < 0 ? "left" : "right"}`;
  }
}
