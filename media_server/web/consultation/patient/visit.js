/**
 * One consultation from the queue to its end: the client that is in its room, the devices, and which view is on screen.
 * The place in the queue is the service's to keep; here it is only shown.
 */

import { TeleconsultClient, TeleconsultError } from "../../client.js";
import { LocalMedia } from "../../page/local_media.js";
import { ApiError } from "../api.js";
import { ConsentTexts } from "../consent_texts.js";
import { errorText } from "../errors.js";
import { guardBack } from "../parts/back_guard.js";
import { confirmed } from "../parts/dialog.js";
import { toast } from "../parts/toast.js";
import { RecordingWords } from "../recording_words.js";
import { CallView } from "./call_view.js";
import { CheckView } from "./check_view.js";
import { ConsentBook } from "./consent_book.js";
import { t } from "./i18n.js";
import { lostView } from "./lost_view.js";
import { WaitingView } from "./waiting_view.js";

/** @typedef {import("./page.js").App} App */
/** @typedef {import("../types.js").Consultation} Consultation */

/** What an HTTP refusal of a ticket means to the client; the others say "try again". @type {Record<number, string>} */
const FINAL = { 401: "not-allowed", 403: "not-allowed", 404: "no-such-room", 409: "room-ended", 410: "room-ended" };
const LOOK_EVERY_MS = 15_000;
/** Whoever is put out more often than this does not come back by themselves. */
const PUT_OUT_AGAIN_MS = 10_000;

export class Visit {
  app;
  consultation;
  media = new LocalMedia(new URLSearchParams(location.search).get("codec"));
  client;
  consents;
  /** What there is to agree to. */
  texts;
  recordingWords;
  /** Messages outlast a call that is interrupted. @type {import("../parts/chat.js").ChatPanel | null} */
  chat = null;
  onChat = () => {};
  /** @type {"check" | "wait" | "call" | "lost" | null} */
  #shown = null;
  /** Whether the device check was passed. */
  #checked = false;
  #ending = false;
  /** On the way back to the queue: that one is put out of the room for it is no end. */
  #returning = false;
  /** When this page last came back by itself, ms. */
  #cameBack = -Infinity;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** Gives the browser's back button its own meaning again. */
  #guard = () => {};
  #timer;

  /** @param {App} app @param {Consultation} consultation */
  constructor(app, consultation) {
    this.app = app;
    this.consultation = consultation;
    this.client = new TeleconsultClient({ getTicket: () => this.#ticket() });
    this.texts = new ConsentTexts(app.api);
    this.recordingWords = new RecordingWords(this.texts);
    this.consents = new ConsentBook(this);
    this.client.on("state", ({ state, code }) => state === "ended" && void this.#ended(code ?? "unknown"));
    this.client.on("change", () => this.#look());
    this.client.on("queue", ({ may_return }) => {
      if (typeof may_return === "boolean") this.#take({ ...this.consultation, may_return });
      void this.refresh();
    });
    addEventListener("pagehide", this.#onHide);
    // The socket tells everything; this is for when it cannot, such as a consultation that ended while we were away.
    this.#timer = setInterval(() => void this.refresh(), LOOK_EVERY_MS);
  }

  /** @param {boolean} fresh  devices are to be checked first */
  start(fresh) {
    this.#checked = !fresh;
    this.media.bind(this.client);
    this.#guard = guardBack(() => this.#back());
    this.#show(fresh ? "check" : "wait");
    void this.client.join().catch(() => {}); // the `ended` state says why
  }

  /** Camera and microphone are as they should be. */
  checked() {
    this.#checked = true;
    this.#show("wait");
  }

  /** Look at camera and microphone once more while waiting. */
  checkAgain() {
    this.#checked = false;
    this.#show("check");
  }

  /** The doctor has vanished, and another one may be waited for. */
  get mayReturn() {
    return this.consultation.may_return === true;
  }

  /** After the service has said how it stands. @param {() => void} listener @returns {() => void} stops listening */
  onNews(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {Consultation} consultation */
  #take(consultation) {
    this.consultation = consultation;
    for (const listener of this.#listeners) listener();
  }

  /** Ask how it stands. */
  async refresh() {
    const before = this.consultation;
    try {
      const consultation = await this.app.api.consultation(before.id);
      if (this.consultation === before || consultation.state !== before.state) this.#take(consultation);
    } catch (error) {
      if (error instanceof ApiError && error.status === 410) await this.#finish();
      return;
    }
    if (["finished", "cancelled"].includes(this.consultation.state)) await this.#finish();
    else this.#look();
  }

  /** Give the place in the queue up, after being asked. */
  async cancel() {
    const sure = await confirmed(t("wait.leave.title"), t("wait.leave.text"), t("wait.leave.sure"), async () => {
      this.consultation = await this.app.api.cancel(this.consultation.id);
    }, "danger");
    if (sure) await this.#finish();
  }

  /**
   * The doctor has vanished: wait for another one. It puts everybody out of the room, in which one waits anew. Rejects with an
   * ApiError, for a doctor who is back, too.
   */
  async returnToQueue() {
    this.#returning = true;
    try {
      this.#take(await this.app.api.returnToQueue(this.consultation.id));
      await this.client.leave();
    } catch (error) {
      void this.refresh();
      if (this.client.state === "ended" && this.#shown !== "lost") void this.#ended("connection-lost");
      throw error;
    } finally {
      this.#returning = false;
    }
    await this.again();
    toast(t("return.done"));
  }

  /** Hang up, after being asked: the doctor may go on writing, and one can come back. */
  async hangUp() {
    const sure = await confirmed(t("call.hangup.title"), t("call.hangup.text"), t("call.hangup"), async () => {
      await this.client.leave();
    }, "danger");
    if (sure) await this.refresh();
  }

  /** The browser's back button: neither a place nor a call is lost by it. */
  #back() {
    if (document.querySelector("dialog:modal")) return;
    if (this.#shown === "call") void this.hangUp();
    else if (this.#shown === "check") this.checked();
    else toast(t("wait.back"), "info");
  }

  /** In the room again after it was lost or left. */
  async again() {
    this.#cameBack = performance.now();
    const { audio, video } = this.media.tracks;
    if (!audio && !video) await this.media.start();
    this.media.unbind();
    this.media.bind(this.client);
    this.#show("wait");
    await this.client.join().catch(() => {});
  }

  /** The page goes elsewhere. */
  async stop() {
    if (this.#ending) return;
    this.#ending = true;
    this.#guard();
    clearInterval(this.#timer);
    removeEventListener("pagehide", this.#onHide);
    this.consents.close();
    this.chat?.close();
    this.media.unbind();
    this.media.stop();
    await this.client.leave();
  }

  // The others should not look at a frozen picture until a time-out. Whoever still waits keeps the place without it.
  #onHide = () => {
    if (this.client.self?.admitted) void this.client.leave();
  };

  async #ticket() {
    try {
      return await this.app.api.ticket(this.consultation.id);
    } catch (error) {
      const code = error instanceof ApiError ? FINAL[error.status] : undefined;
      throw new TeleconsultError(code ?? "unreachable");
    }
  }

  /** Which view it should be by now. */
  #look() {
    if (this.#ending || !this.client.self) return;
    if (this.client.self.admitted) this.#show("call");
    else if (this.#shown === "call" || this.#shown === "lost") this.#show("wait");
  }

  /** @param {"check" | "wait" | "call" | "lost"} name @param {string} [code] */
  #show(name, code = "") {
    if (this.#ending || (this.#shown === name && name !== "lost")) return;
    this.#shown = name;
    if (name === "check") this.app.show("wait", () => new CheckView(this));
    else if (name === "wait") this.app.show("wait", () => new WaitingView(this));
    else if (name === "lost") this.app.show("lost", () => lostView(this, code));
    else {
      if (!this.#checked) this.#checked = true;
      void (this.media.asked ? null : this.media.start());
      this.app.show("call", () => new CallView(this));
      this.app.say(t("call.begins"));
    }
  }

  /** @param {string} code */
  async #ended(code) {
    if (this.#ending || this.#returning) return;
    this.media.unbind();
    this.media.stop(); // nobody is to look or listen while the service is asked why
    await this.refresh().catch(() => {});
    if (this.#ending) return;
    const waits = code === "not-allowed" && this.consultation.state === "arrived";
    if (waits && performance.now() - this.#cameBack > PUT_OUT_AGAIN_MS) await this.again(); // out of the call, into the queue
    else this.#show("lost", code);
  }

  async #finish() {
    if (this.#ending) return;
    const { consultation } = this;
    await this.stop();
    try {
      this.app.showAfter(await this.app.api.consultation(consultation.id));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(errorText(error), "info");
      await this.app.goHome();
    }
  }
}
