/** This person's camera, microphone and screen: on, off, which one, and published when there is a client. No DOM. */

import { capture, captureAll, devicesAvailable, problemOf } from "./devices.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client.js").Publication} Publication */
/** @typedef {import("./devices.js").Choice} Choice */
/** @typedef {import("./devices.js").DeviceProblem} DeviceProblem */
/** @typedef {"audio" | "video"} Kind */

const KINDS = /** @type {Kind[]} */ (["audio", "video"]);
export const MAX_VIDEO_BPS = 1_500_000;

export class LocalMedia extends EventTarget {
  /** @type {Choice} */
  choice = { microphone: null, camera: null, facing: "user" };
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  tracks = { audio: null, video: null };
  /** What the person wants, whether or not the device obeys. @type {Record<Kind, boolean>} */
  wanted = { audio: true, video: true };
  /** @type {Partial<Record<Kind, DeviceProblem>>} */
  problems = {};
  /** Whether the person has been asked for the devices. */
  asked = false;
  /** Where the others are heard; null leaves it to the browser. @type {string | null} */
  speaker = null;
  /** @type {MediaStreamTrack | null} */
  screen = null;
  /** @type {TeleconsultClient | null} */
  #client = null;
  /** @type {Record<Kind | "screen", Publication | null>} */
  #publications = { audio: null, video: null, screen: null };
  #codec;
  /** How often everything was stopped: what was asked for before a stop is let go of when it comes. */
  #stops = 0;

  /** @param {string | null} codec  preferred for video */
  constructor(codec = null) {
    super();
    this.#codec = codec;
  }

  /** Ask for those of camera and microphone that are wanted, together. Never rejects: see `problems`. */
  async start() {
    this.asked = true;
    const kinds = KINDS.filter((kind) => this.wanted[kind]);
    if (!devicesAvailable()) {
      this.problems = Object.fromEntries(kinds.map((kind) => [kind, "insecure"]));
      return this.#changed();
    }
    const stops = this.#stops;
    const { audio, video, problems } = await captureAll(kinds, this.choice);
    if (stops !== this.#stops) return [audio, video].forEach((track) => track?.stop());
    this.problems = problems;
    this.#use("audio", audio);
    this.#use("video", video);
    return this.#changed();
  }

  /** Ask once more for what failed. */
  async retry() {
    for (const kind of KINDS) this.wanted[kind] ||= kind in this.problems;
    await this.start();
  }

  /** Go on without what failed. */
  forgo() {
    for (const kind of KINDS) this.wanted[kind] &&= !(kind in this.problems);
    this.#changed();
  }

  /** What is wanted and does not work. @returns {Partial<Record<Kind, DeviceProblem>> | null} null when all is well */
  get missing() {
    const missing = KINDS.filter((kind) => this.wanted[kind] && kind in this.problems);
    return missing.length > 0 ? Object.fromEntries(missing.map((kind) => [kind, this.problems[kind]])) : null;
  }

  /** @param {Kind} kind */
  isOn(kind) {
    return this.wanted[kind] && this.tracks[kind] !== null;
  }

  /** Microphone: muted, the device stays. Resolves when it is so here; the room is told meanwhile. @param {boolean} on */
  async setMicrophone(on) {
    this.wanted.audio = on;
    if (on && !this.tracks.audio) await this.#acquire("audio");
    if (this.tracks.audio) this.tracks.audio.enabled = on;
    void this.#publications.audio?.setMuted(!on);
    this.#changed();
  }

  /** Camera: off means released, so that its light goes out. @param {boolean} on */
  async setCamera(on) {
    this.wanted.video = on;
    if (on) await this.#acquire("video");
    else this.#use("video", null);
    this.#changed();
  }

  /** @param {string} deviceId */
  async selectMicrophone(deviceId) {
    this.choice = { ...this.choice, microphone: deviceId };
    await this.#acquire("audio");
  }

  /** @param {string} deviceId */
  async selectCamera(deviceId) {
    this.choice = { ...this.choice, camera: deviceId };
    if (this.wanted.video) await this.#acquire("video");
  }

  /** @param {string} deviceId  of an audio output */
  selectSpeaker(deviceId) {
    this.speaker = deviceId || null;
    this.#changed();
  }

  /** Front to back and back, on a phone. */
  async flipCamera() {
    const facing = this.facing === "user" ? "environment" : "user";
    this.choice = { ...this.choice, camera: null, facing };
    if (this.wanted.video) await this.#acquire("video");
  }

  /** Where the present camera looks; a camera that does not say faces the user. @returns {"user" | "environment"} */
  get facing() {
    const facing = this.tracks.video?.getSettings().facingMode ?? this.choice.facing;
    return facing === "environment" ? "environment" : "user";
  }

  /** @returns {Promise<boolean>} false when the person thought better of it */
  async shareScreen() {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
      const track = stream.getVideoTracks()[0] ?? null;
      this.screen = track;
      track?.addEventListener("ended", () => this.stopScreen());
      this.#publishScreen();
    } catch {
      return false;
    }
    this.#changed();
    return true;
  }

  stopScreen() {
    this.screen?.stop();
    this.screen = null;
    this.#publications.screen?.unpublish();
    this.#publications.screen = null;
    this.#changed();
  }

  /** Publish what there is now and whatever comes later. @param {TeleconsultClient} client */
  bind(client) {
    this.#client = client;
    this.#publications = { audio: null, video: null, screen: null };
    this.#publish("audio");
    this.#publish("video");
    this.#publishScreen();
  }

  /** The visit is over; the devices stay for the lobby. */
  unbind() {
    this.#client = null;
    this.#publications = { audio: null, video: null, screen: null };
    if (this.screen) this.stopScreen();
  }

  /** Let go of every device. */
  stop() {
    this.#stops++;
    this.#use("audio", null);
    this.#use("video", null);
    if (this.screen) this.stopScreen();
    this.#changed();
  }

  /** @param {Kind} kind */
  async #acquire(kind) {
    this.asked = true;
    if (!devicesAvailable()) {
      this.problems = { ...this.problems, [kind]: "insecure" };
      return this.#changed();
    }
    // A phone opens its second camera only once the first is let go.
    if (kind === "video") this.tracks.video?.stop();
    const stops = this.#stops;
    try {
      const track = await capture(kind, this.choice);
      if (stops !== this.#stops) return track.stop();
      this.#use(kind, track);
      delete this.problems[kind];
    } catch (error) {
      this.#use(kind, null);
      this.problems = { ...this.problems, [kind]: problemOf(error) };
    }
    return this.#changed();
  }

  /** @param {Kind} kind @param {MediaStreamTrack | null} track */
  #use(kind, track) {
    const old = this.tracks[kind];
    if (old !== track) old?.stop();
    if (track && kind === "video" && !this.wanted.video) {
      track.stop(); // switched off while we were asking
      track = null;
    }
    this.tracks[kind] = track;
    if (track) {
      track.enabled = this.wanted[kind];
      track.contentHint = kind === "audio" ? "speech" : "motion";
      // Unplugged, taken by a phone call, or stopped by the system: take it back if we may.
      track.addEventListener("ended", () => this.tracks[kind] === track && void this.#acquire(kind));
    }
    const publication = this.#publications[kind];
    if (!publication) return this.#publish(kind);
    void publication.replaceTrack(track);
    void publication.setMuted(!track || !this.wanted[kind]);
    return undefined;
  }

  /** @param {Kind} kind */
  #publish(kind) {
    const track = this.tracks[kind];
    if (!this.#client || !track || this.#publications[kind]) return;
    const publication = this.#client.publish(track, kind === "audio" ? "microphone" : "camera", {
      muted: !this.wanted[kind],
      // A face that moves says more than a sharp one that doesn't.
      ...(kind === "video" ? { maxBitrate: MAX_VIDEO_BPS, degradationPreference: "maintain-framerate" } : {}),
      ...(kind === "video" && this.#codec ? { codec: this.#codec } : {}),
    });
    this.#publications[kind] = publication;
    publication.ready.catch(() => this.#refused(kind, publication));
  }

  /** The server will not have it; switched on again, it is offered again. @param {Kind} kind @param {Publication} publication */
  #refused(kind, publication) {
    if (this.#publications[kind] !== publication) return; // the visit is over
    this.#publications[kind] = null;
    this.problems = { ...this.problems, [kind]: "not-sent" };
    this.#changed();
  }

  #publishScreen() {
    if (!this.#client || !this.screen) return;
    const publication = this.#client.publish(this.screen, "screen", {
      contentHint: "detail", maxBitrate: 2_500_000, degradationPreference: "maintain-resolution",
    });
    this.#publications.screen = publication;
    publication.ready.catch(() => this.#publications.screen === publication && this.stopScreen());
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
