/**
 * The side of the screen where the patient is called: getting ready, the call, and what is asked before it is left,
 * given back or found unanswered. DOM only.
 */

import { h } from "../../page/dom.js";
import { hasText as hasPageText, t as page } from "../../page/i18n.js";
import { ConsentTexts } from "../consent_texts.js";
import { t as shared } from "../i18n.js";
import { confirmed, openDialog } from "../parts/dialog.js";
import { RecordingWords } from "../recording_words.js";
import { named, t } from "./i18n.js";
import { LivePart } from "./live_part.js";
import { ReadyPart } from "./ready_part.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("../../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../../page/local_media.js").LocalMedia} LocalMedia */

/**
 * @typedef {object} Acts
 * @property {import("./workspace.js").PageActs} page
 * @property {() => void} finish                 to the end of the consultation
 * @property {(tab: "call" | "consents") => void} show
 * @property {() => Promise<unknown>} saveNote
 * @property {() => void} changed                there is a call now, or none any more
 */

/** Where a call ended and nothing went wrong. */
const CALM = new Set(["left", "room-ended"]);
const WIDE = matchMedia("(min-width: 960px)");

export class CallSide {
  #api;
  #client;
  #media;
  #case;
  #acts;
  #words;
  #ready;
  /** @type {LivePart | null} */
  #live = null;
  /** Whether the doctor is giving the patient back: that it is theirs no longer is no news then. */
  givingBack = false;
  element = h("section.call-side", { id: "panel-call" });

  /**
   * @param {import("../api.js").Api} api
   * @param {TeleconsultClient} client
   * @param {LocalMedia} media
   * @param {OpenCase} open
   * @param {Acts} acts
   */
  constructor(api, client, media, open, acts) {
    this.#api = api;
    this.#client = client;
    this.#media = media;
    this.#case = open;
    this.#acts = acts;
    this.#words = new RecordingWords(new ConsentTexts(api));
    this.#ready = new ReadyPart(open, media, {
      call: () => this.#call(), giveBack: () => this.#giveBack(), missed: () => this.#missed(),
      finish: acts.finish, leave: acts.page.leave,
    });
    named(this.element, "aria-label", "tab.call");
    this.element.append(this.#ready.element);
  }

  /** The call, while the doctor is in it. */
  get live() {
    return this.#live;
  }

  /** Whether it can be talked in. */
  get inCall() {
    return this.#live !== null && this.#client.state !== "ended" && this.#client.state !== "idle";
  }

  render() {
    this.#ready.render();
  }

  /** @param {"microphone" | "camera"} device */
  press(device) {
    if (this.#live) this.#live.press(device);
    else if (device === "microphone") void this.#media.setMicrophone(!this.#media.isOn("audio"));
    else void this.#media.setCamera(!this.#media.isOn("video"));
  }

  /** The room has closed, or we are out of it. @param {string} code  why */
  ended(code) {
    if (this.#live === null) return;
    const key = `ended.${code}.title`;
    this.end();
    this.#media.unbind();
    this.element.replaceChildren(this.#ready.element);
    if (!CALM.has(code)) {
      this.#ready.complain(hasPageText(key) ? page(key, { code }) : page("ended.other.todo", { code }));
    }
    this.#acts.changed();
    void this.#case.refresh();
    if (this.#case.closed) this.#media.stop();
  }

  /** Nothing of the call is shown any more. */
  end() {
    this.#live?.close();
    this.#live = null;
  }

  /** Out of the call, or to the end of the consultation: whichever the doctor says. */
  async hangUp() {
    const { answered } = openDialog({ title: t("hang-up.title"), symbol: "leave",
      body: [h("p", {}, t("hang-up.lead"))], actions: [
      { label: t("hang-up.finish"), kind: "primary", value: "finish" },
      { label: t("hang-up.leave"), kind: "secondary", value: "leave" },
      { label: shared("common.cancel"), kind: "quiet", value: "" },
    ] });
    const answer = await answered;
    if (answer === "finish") this.#acts.finish();
    if (answer === "leave") await this.#client.leave();
  }

  async #call() {
    this.#ready.complain(null);
    await this.#openRoom();
    this.#media.bind(this.#client);
    this.#live = new LivePart(this.#case, this.#client, this.#media, {
      announce: this.#acts.page.announce, status: this.#acts.page.status, hangUp: () => void this.hangUp(),
      missed: () => void this.#askMissed(), words: this.#words,
      showGuests: () => this.#acts.show("consents"),
    });
    this.element.replaceChildren(this.#live.element);
    if (!WIDE.matches) this.#acts.show("call");
    this.#acts.changed();
    this.#acts.page.announce(t("say.calling"));
    await this.#client.join().catch(() => {}); // the state `ended` tells why
    void this.#case.refresh();
  }

  /** From now on there are tickets for the doctor; a room that is open already stays so. */
  async #openRoom() {
    if (this.#case.consultation.state === "in-progress") return;
    try {
      await this.#api.call(this.#case.id);
    } catch (error) {
      void this.#case.refresh(); // cancelled meanwhile, perhaps
      throw error;
    }
    this.#case.take({ ...this.#case.consultation, state: "in-progress" });
  }

  async #askMissed() {
    const last = (this.#case.consultation.missed_calls ?? 0) >= 1;
    await confirmed(t("missed.title"), t(last ? "missed.last" : "missed.first"), t("missed.yes"), () => this.#missed(),
      last ? "danger" : "primary");
  }

  async #missed() {
    const consultation = await this.#api.missedCall(this.#case.id);
    if (this.#live) await this.#client.leave();
    this.#case.take(consultation);
    if (this.#case.closed) this.#media.stop();
  }

  async #giveBack() {
    await this.#acts.saveNote();
    this.givingBack = true;
    try {
      await this.#api.giveBack(this.#case.id);
    } finally {
      this.givingBack = false;
    }
    this.#acts.page.leave();
  }
}
