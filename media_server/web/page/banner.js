/** One line over the call when something needs to be known: the most important one only. DOM only. */

import { h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { Lasting } from "./lasting.js";
import { problemText } from "./problem.js";
import { nameOf } from "./stage.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client.js").Participant} Participant */
/** @typedef {import("../client/types.js").Rating} Rating */
/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */

/** A gap shorter than this passes unnoticed; telling would worry more than it helps. */
const GAP_MS = 1_200;
/** A first path is found in far less on any network that lets one through. */
const FIRST_PATH_MS = 5_000;
const TOLD_MS = 15_000;
const MOVED_TOLD_MS = 5_000;

export class Banner {
  #client;
  #media;
  #text = h("span");
  /** What to do about it. */
  #todo = h("small");
  #dismiss = h("button.chip-button", { type: "button", onclick: () => this.#dismissed() }, icon("close"));
  /** @type {Rating | null} */
  #rating = null;
  /** Whether sound and picture ever got through. */
  #flowed = false;
  #trouble = new Lasting(GAP_MS, () => this.render(this.#rating));
  #blocked = new Lasting(FIRST_PATH_MS, () => this.render(this.#rating));
  #moving = new Lasting(GAP_MS, () => this.render(this.#rating));
  /** Runs while it is told that the call has moved. @type {ReturnType<typeof setTimeout> | null} */
  #movedTimer = null;
  /** What failed of late. @type {string | null} */
  #failure = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #failureTimer;
  element;

  /** @param {TeleconsultClient} client @param {LocalMedia} media */
  constructor(client, media) {
    this.#client = client;
    this.#media = media;
    const line = h("span", { role: "status", "aria-live": "polite" }, this.#text, this.#todo);
    const symbols = [h("span.spinner"), icon("warning"), icon("check")];
    this.element = h("div.banner", { hidden: true }, ...symbols, line, this.#dismiss);
  }

  /** @param {Rating | null} rating */
  render(rating) {
    this.#rating = rating;
    const { state, mediaState } = this.#client;
    this.#flowed ||= mediaState === "connected";
    const interrupted = mediaState === "interrupted";
    const trouble = this.#trouble.look(state === "reconnecting" || (this.#flowed && interrupted));
    const blocked = this.#blocked.look(!this.#flowed && (interrupted || mediaState === "connecting"));
    const moving = this.#moving.look(state === "moving");
    const moved = this.#movedTimer !== null && state === "connected";
    const [message, todo] = trouble ? [this.#troubleText()] : blocked ? [t("banner.blocked")] :
      moving ? [t("banner.moving")] : moved ? [t("banner.moved")] : this.#hint(rating);
    this.element.hidden = message === undefined;
    this.element.classList.toggle("trouble", trouble || (moving && !blocked));
    this.element.classList.toggle("calm", moved && !trouble && !blocked);
    const passing = trouble || blocked || moving || moved;
    this.#dismiss.hidden = passing || (this.#media.missing === null && this.#failure === null);
    this.#dismiss.setAttribute("aria-label", t("common.close"));
    setText(this.#text, message ?? "");
    setText(this.#todo, todo ?? "");
  }

  /** Something failed that the call survives. @param {string} code */
  tell(code) {
    this.#failure = code;
    clearTimeout(this.#failureTimer);
    this.#failureTimer = setTimeout(() => this.#dismissed(), TOLD_MS);
    this.render(this.#rating);
  }

  /** The call goes on over another server. */
  tellMoved() {
    clearTimeout(this.#movedTimer ?? undefined);
    this.#movedTimer = setTimeout(() => {
      this.#movedTimer = null;
      this.render(this.#rating);
    }, MOVED_TOLD_MS);
    this.render(this.#rating);
  }

  close() {
    clearTimeout(this.#failureTimer);
    clearTimeout(this.#movedTimer ?? undefined);
    this.#moving.close();
    this.#trouble.close();
    this.#blocked.close();
  }

  /** The person has read it. */
  #dismissed() {
    clearTimeout(this.#failureTimer);
    if (this.#failure === null) this.#media.forgo();
    this.#failure = null;
    this.render(this.#rating);
  }

  #troubleText() {
    return t(navigator.onLine === false ? "banner.offline" : "banner.reconnecting");
  }

  /** @param {Rating | null} rating @returns {string[]} what, and what to do about it; empty when all is well */
  #hint(rating) {
    if (this.#failure !== null) return [t("banner.problem", { code: this.#failure })];
    const { missing } = this.#media;
    if (missing) return Object.values(problemText(missing));
    const self = this.#client.self;
    if (self && isSilent(self, "microphone")) return [t("banner.silent.self")];
    if (self && isSilent(self, "camera")) return [t("banner.dark.self")];
    const mute = this.#client.participants.find((other) => isSilent(other, "microphone"));
    if (mute) return [t("banner.silent.other", { name: nameOf(mute) })];
    return rating === "poor" ? [t("banner.poor")] : [];
  }
}

/** @param {Participant} participant @param {"microphone" | "camera"} source */
function isSilent(participant, source) {
  const track = participant.track(source);
  return track !== undefined && !track.muted && participant.silent.has(track.id);
}
