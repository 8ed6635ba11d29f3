/**
 * Where the picture will be, while there is no call: how one looks, and what can be done about this consultation.
 * DOM only.
 */

import { h, setText } from "../../page/dom.js";
import { openSettings } from "../../page/dialogs.js";
import { t as page } from "../../page/i18n.js";
import { problemNotice } from "../../page/problem.js";
import { confirmed } from "../parts/dialog.js";
import { acting, complain, complaintLine, redraw } from "./acting.js";
import { coded, named, t, words, worded } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("../../page/local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("./open_case.js").OpenCase} OpenCase */

/**
 * @typedef {object} CallActs
 * @property {() => Promise<void>} call
 * @property {() => Promise<void>} giveBack
 * @property {() => Promise<void>} missed     nobody answered
 * @property {() => void} finish              to the end of the consultation
 * @property {() => void} leave               back to the waiting room
 */

export class ReadyPart {
  #case;
  #media;
  #acts;
  #video = h("video.mirrored", { autoplay: true, playsinline: true, muted: true });
  #cover = h("div.cover");
  #toggles = { audio: this.#toggle("audio"), video: this.#toggle("video") };
  #trouble = h("div");
  #title = h("h2");
  #lead = h("p");
  #complaint = complaintLine();
  #call;
  #missed;
  #giveBack;
  #finish;
  #leave;
  element;

  /** @param {OpenCase} open @param {LocalMedia} media @param {CallActs} acts */
  constructor(open, media, acts) {
    this.#case = open;
    this.#media = media;
    this.#acts = acts;
    this.#video.muted = true;
    named(this.#video, "aria-label", "ready.preview");
    const button = (/** @type {string} */ look, /** @type {string} */ action, /** @type {string} */ drawing,
      /** @type {import("./i18n.js").TextKey} */ key, /** @type {() => Promise<unknown>} */ act) => {
      const made = h(/** @type {any} */ (`button.${look}`),
        { type: "button", "data-action": action, onclick: () => void acting(made, this.#complaint, act) },
        symbol(drawing), words(key));
      return /** @type {HTMLButtonElement} */ (made);
    };
    this.#call = button("primary.large", "call", "phone", "ready.call", () => acts.call());
    this.#missed = button("secondary", "missed", "missed", "ready.missed", () => this.#confirmMissed());
    this.#giveBack = button("secondary", "give-back", "back", "ready.give-back", () => this.#confirmGiveBack());
    this.#finish = button("secondary", "finish", "check", "ready.finish", async () => acts.finish());
    this.#leave = button("primary.large", "back-to-desk", "back", "closing.back", async () => acts.leave());
    const settings = named(named(h("button.round", { type: "button", onclick: () => openSettings(media, () => null) },
      symbol("settings")), "aria-label", "ready.settings"), "title", "ready.settings");
    this.element = h("div.ready", {},
      h("div.preview-box", {}, this.#video, this.#cover,
        h("div.toggles", {}, this.#toggles.audio, this.#toggles.video, settings)),
      this.#trouble,
      h("div.badge.over-badge", {}, symbol("check")), h("div.ready-words", {}, this.#title, this.#lead),
      this.#complaint,
      h("div.ready-acts", {}, this.#call, this.#leave, h("div.row", {}, this.#missed, this.#finish, this.#giveBack)));
    this.render();
  }

  /** Said until something else happens. @param {string | null} text */
  complain(text) {
    complain(this.#complaint, text);
  }

  render() {
    this.#renderPicture();
    this.#renderWords();
    const { problems, missing } = this.#media;
    redraw(this.#trouble, missing && problems,
      () => missing ? [problemNotice(problems, () => void this.#media.retry())] : []);
  }

  #renderWords() {
    const { state, missed_calls: missed = 0, reason } = this.#case.consultation;
    const open = state === "in-progress";
    const name = this.#case.consultation.patient?.name ?? t("own.somebody");
    if (this.#case.closed) worded(this.#title, state === "cancelled" ? "ready.cancelled" : "ready.closed");
    else worded(this.#title, open ? "ready.again.title" : "ready.title", { name });
    const after = missed > 0 ? t("ready.missed.count", { count: missed }) : "";
    const over = state === "cancelled" ? coded("closing.cancelled", reason ?? "other") : t("ready.closed.lead");
    const lead = t(open ? "ready.again.lead" : "ready.lead", { name });
    setText(this.#lead, this.#case.closed ? over : `${after} ${lead}`.trim());
    this.#call.hidden = this.#case.closed;
    worded(/** @type {Element} */ (this.#call.lastElementChild),
      open || missed > 0 ? "ready.call.again" : "ready.call");
    this.#missed.hidden = !open;
    this.#finish.hidden = !open;
    this.#giveBack.hidden = this.#case.closed || open;
    this.#leave.hidden = !this.#case.closed;
    this.element.classList.toggle("over", this.#case.closed);
  }

  #renderPicture() {
    const { tracks, wanted, asked, facing } = this.#media;
    const track = wanted.video ? tracks.video : null;
    const shown = this.#video.srcObject instanceof MediaStream ? this.#video.srcObject.getVideoTracks()[0] : null;
    if (track && shown !== track) this.#video.srcObject = new MediaStream([track]);
    if (!track) this.#video.srcObject = null;
    this.#video.hidden = !track;
    this.#video.classList.toggle("mirrored", facing === "user");
    this.#cover.hidden = Boolean(track);
    redraw(this.#cover, [asked, wanted.video], () => asked
      ? [symbol("camera-off"), h("p", {}, page(wanted.video ? "lobby.camera.none" : "lobby.camera.off"))]
      : [symbol("camera"), h("button.primary", { type: "button", onclick: () => void this.#media.retry() },
        page("lobby.ask"))]);
    for (const kind of /** @type {const} */ (["audio", "video"])) this.#renderToggle(kind);
  }

  /** @param {"audio" | "video"} kind */
  #toggle(kind) {
    return h("button.round", { type: "button", "data-action": kind === "audio" ? "microphone" : "camera",
      onclick: () => {
      const on = !this.#media.isOn(kind);
      void (kind === "audio" ? this.#media.setMicrophone(on) : this.#media.setCamera(on));
    } });
  }

  /** @param {"audio" | "video"} kind */
  #renderToggle(kind) {
    const on = this.#media.isOn(kind);
    const button = this.#toggles[kind];
    button.hidden = !this.#media.asked;
    button.classList.toggle("off", !on);
    redraw(button, on, () => [symbol(`${kind === "audio" ? "mic" : "camera"}${on ? "" : "-off"}`)]);
    const key = kind === "audio" ? (on ? "call.mute" : "call.unmute") : (on ? "call.camera.off" : "call.camera.on");
    button.setAttribute("aria-label", page(key));
    button.title = page(key);
  }

  async #confirmMissed() {
    const last = (this.#case.consultation.missed_calls ?? 0) >= 1;
    await confirmed(t("missed.title"), t(last ? "missed.last" : "missed.first"), t("missed.yes"),
      () => this.#acts.missed(), last ? "danger" : "primary");
  }

  async #confirmGiveBack() {
    await confirmed(t("give-back.title"), t("give-back.lead"), t("give-back.yes"), () => this.#acts.giveBack());
  }
}
