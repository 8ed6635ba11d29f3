/**
 * One RTCPeerConnection whose owner always offers. Every exchange is serialised and carries all changes made before it;
 * the wish for each m-section is read after setLocalDescription, when mids exist. Knows no rooms, people or sockets.
 */

import { directions } from "./directions.js";
import { ConnectionClosed, TeleconsultError, codeOf } from "./errors.js";
import { PathKeeper } from "./path_keeper.js";
import { applyLimits, preferCodec, sendEncodings } from "./sending.js";

/** @typedef {import("./publication.js").Publication} Publication */
/** @typedef {import("./types.js").Kind} Kind */
/** @typedef {import("./types.js").Wish} Wish */

/**
 * One m-section. A section whose owner has gone is inactive, and waits to be used again: m-sections never leave an SDP.
 * @typedef {object} Section
 * @property {RTCRtpTransceiver} transceiver
 * @property {"send" | "receive"} use
 * @property {Kind} kind
 * @property {Publication | null} publication   what it sends
 * @property {string | null} subscription       id of the track it receives
 * @property {string | null} trackId            as confirmed by the server
 */

/**
 * @typedef {object} PeerHooks
 * @property {(sdp: string, tracks: Record<string, Wish>) => Promise<{sdp: string, tracks: Record<string, string>}>} offer
 * @property {(state: "connecting" | "connected" | "interrupted" | "failed") => void} media
 * @property {(publication: Publication, muted: boolean) => void} published  accepted, and offered as muted or not
 * @property {(publication: Publication, error: TeleconsultError) => void} refused     for good
 * @property {(trackIds: string[], error: TeleconsultError) => void} unsubscribed      given up: the server refused them
 */

/** Refusals that the next try may not meet. */
const PASSING = new Set(["unknown-track", "try-again", "too-many-requests", "timeout"]);
/** Refusals after which the server has let go of this connection. */
const OVER = new Set(["timed-out", "transport-closed"]);
const TRY_AGAIN_MS = 400;
/** Somebody's microphone and camera are announced one after the other: one exchange for both shows them sooner. */
const GATHER_MS = 8;
const MAX_REFUSALS = 4;

export class Peer {
  #pc;
  #hooks;
  #path;
  /** @type {Section[]} */
  #sections = [];
  #ready = false;
  #dirty = false;
  #busy = false;
  #closed = false;
  #failed = false;
  #refusals = 0;

  /**
   * @param {RTCConfiguration} configuration
   * @param {PeerHooks} hooks
   */
  constructor(configuration, hooks) {
    this.#pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...configuration });
    this.#hooks = hooks;
    this.#path = new PathKeeper(this.#pc, {
      restart: () => this.#restartIce(),
      state: (state) => state === "failed" ? this.#fail() : this.#hooks.media(state),
    });
  }

  get connection() {
    return this.#pc;
  }

  /** Whether there is a path for sound and picture. */
  get flows() {
    return this.#pc.connectionState === "connected";
  }

  /** Whether there is nothing to send or receive, so that no path is needed. */
  get idle() {
    return !this.#sections.some(isActive);
  }

  /** Whether offers may be sent now: admitted, and a socket to send them over. @param {boolean} ready */
  setReady(ready) {
    this.#ready = ready;
    if (ready) this.#kick();
  }

  /** @param {Publication} publication */
  publish(publication) {
    const layers = sendEncodings(publication).length;
    const spare = this.#spare("send", publication.kind, ({ sender }) => sender.getParameters().encodings.length === layers);
    const section = spare ?? this.#addSender(publication);
    section.publication = publication;
    section.transceiver.direction = "sendonly";
    void section.transceiver.sender.replaceTrack(publication.track);
    if (spare || publication.options.codec) preferCodec(section.transceiver, publication);
    this.negotiate();
  }

  /** @param {Publication} publication */
  unpublish(publication) {
    const section = this.#sectionOf(publication);
    if (!section) return;
    this.#retire(section);
    void section.transceiver.sender.replaceTrack(null);
    this.negotiate();
  }

  /** @param {Publication} publication */
  async replaceTrack(publication) {
    await this.#sectionOf(publication)?.transceiver.sender.replaceTrack(publication.track);
  }

  /** @param {Publication} publication @returns {string | null} */
  trackId(publication) {
    return this.#sectionOf(publication)?.trackId ?? null;
  }

  /**
   * Receive a track. The returned media track exists at once and starts to carry sound or picture after negotiation.
   * @param {string} trackId
   * @param {Kind} kind
   * @returns {MediaStreamTrack}
   */
  subscribe(trackId, kind) {
    const section = this.#spare("receive", kind) ?? this.#addReceiver(kind);
    section.subscription = trackId;
    section.transceiver.direction = "recvonly";
    this.negotiate();
    return section.transceiver.receiver.track;
  }

  /** @param {string} trackId @returns {MediaStreamTrack | undefined} the media track that carried it */
  unsubscribe(trackId) {
    const section = this.#sections.find((candidate) => candidate.subscription === trackId);
    if (!section) return undefined;
    this.#retire(section);
    this.negotiate();
    return section.transceiver.receiver.track;
  }

  /** How much of a subscribed track arrived: pictures decoded, or packets of sound. @param {string} trackId */
  async received(trackId) {
    const section = this.#sections.find(({ subscription }) => subscription === trackId);
    if (!section || this.#closed) return 0;
    const report = await section.transceiver.receiver.getStats();
    const counter = section.kind === "video" ? "framesDecoded" : "packetsReceived";
    let most = 0;
    report.forEach((entry) => {
      if (entry.type === "inbound-rtp") most = Math.max(most, entry[counter] ?? 0);
    });
    return most;
  }

  /** Ask for an exchange; several asked for in one go become one offer. */
  negotiate() {
    this.#dirty = true;
    this.#kick();
  }

  /** The network changed under us: find a new path now rather than when the old one times out. */
  restart() {
    this.#path.restartNow();
  }

  close() {
    this.#closed = true;
    this.#path.close();
    this.#pc.close();
  }

  #restartIce() {
    if (this.#closed || this.#failed || this.#sections.length === 0) return;
    this.#pc.restartIce();
    this.negotiate();
  }

  #kick() {
    if (this.#busy || this.#closed || this.#failed || !this.#ready || !this.#dirty) return;
    this.#busy = true;
    void this.#run();
  }

  async #run() {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    try {
      while (this.#dirty && this.#ready && !this.#closed && this.#sections.length > 0) {
        this.#dirty = false;
        await this.#exchange();
      }
    } finally {
      this.#busy = false;
    }
    if (this.#sections.length > 0) this.#kick(); // whatever was asked for while we were leaving the loop
  }

  async #exchange() {
    const pc = this.#pc;
    /** @type {Section[]} */
    let offered = [];
    try {
      await pc.setLocalDescription(); // also right when an earlier offer got no answer: the new one replaces it
      const sdp = pc.localDescription?.sdp ?? "";
      // Tracks come and go while a description is made: what it does not hold is for the next one.
      const held = directions(sdp);
      offered = this.#sections.filter(({ transceiver }) => held.get(transceiver.mid ?? "") === transceiver.direction);
      const first = pc.remoteDescription === null;
      const sent = wishes(offered);
      const answer = await this.#hooks.offer(sdp, sent);
      if (this.#closed) return;
      await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      if (first) this.#path.begin();
      this.#refusals = 0;
      this.#confirm(offered, sent, answer.tracks ?? {});
      await Promise.all(this.#sections.map(applyLimits));
    } catch (error) {
      if (!this.#closed) await this.#refused(error, offered);
    }
  }

  /** @param {Section[]} offered @param {Record<string, Wish>} sent @param {Record<string, string>} tracks  mid → track id */
  #confirm(offered, sent, tracks) {
    for (const section of offered) {
      const mid = section.transceiver.mid ?? "";
      const [wish, trackId] = [sent[mid], tracks[mid]];
      if (!section.publication || !trackId || section.trackId === trackId || !wish || !("publish" in wish)) continue;
      section.trackId = trackId;
      this.#hooks.published(section.publication, wish.publish.muted);
    }
  }

  /** @param {unknown} error @param {Section[]} offered */
  async #refused(error, offered) {
    const code = codeOf(error);
    this.#dirty = true;
    if (error instanceof ConnectionClosed || code === "not-admitted") {
      this.#ready = false; // our owner says when to go on
      return;
    }
    if (OVER.has(code)) return this.#fail();
    if (this.#pc.signalingState === "have-local-offer") await this.#pc.setLocalDescription({ type: "rollback" });
    const passing = PASSING.has(code);
    if (passing && this.#refusals++ < MAX_REFUSALS) {
      // A track can vanish between its announcement and our offer; the event that says so is on its way.
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      return;
    }
    this.#refusals = 0;
    const reason = error instanceof TeleconsultError ? error : new TeleconsultError("negotiation", String(error));
    this.#giveUpUnconfirmed(reason, offered);
  }

  /**
   * The offer as it stands is refused for good: withdraw what it added, keep what worked before.
   * @param {TeleconsultError} error
   * @param {Section[]} offered
   */
  #giveUpUnconfirmed(error, offered) {
    const news = offered.filter((section) => isActive(section) && !isAgreed(section));
    if (news.length === 0) return this.#fail(); // nothing to withdraw
    const publications = news.flatMap(({ publication }) => publication ?? []);
    const subscriptions = news.flatMap(({ subscription }) => subscription ?? []);
    news.forEach((section) => this.#retire(section));
    publications.forEach((publication) => this.#hooks.refused(publication, error));
    if (subscriptions.length > 0) this.#hooks.unsubscribed(subscriptions, error);
  }

  /** This connection is beyond repair: our owner hears it once, and makes another. */
  #fail() {
    if (this.#failed || this.#closed) return;
    this.#failed = true;
    this.#path.close();
    this.#hooks.media("failed");
  }

  /**
   * @param {"send" | "receive"} use
   * @param {Kind} kind
   * @param {(transceiver: RTCRtpTransceiver) => boolean} [fits]
   * @returns {Section | undefined}
   */
  #spare(use, kind, fits = () => true) {
    return this.#sections.find(
      (section) =>
        section.use === use && section.kind === kind && !isActive(section) &&
        section.transceiver.currentDirection === "inactive" && fits(section.transceiver),
    );
  }

  /** @param {Publication} publication @returns {Section} */
  #addSender(publication) {
    const transceiver = this.#pc.addTransceiver(publication.kind, {
      direction: "sendonly",
      sendEncodings: sendEncodings(publication),
    });
    return this.#add({ transceiver, use: "send", kind: publication.kind, publication, subscription: null, trackId: null });
  }

  /** @param {Kind} kind @returns {Section} */
  #addReceiver(kind) {
    const transceiver = this.#pc.addTransceiver(kind, { direction: "recvonly" });
    return this.#add({ transceiver, use: "receive", kind, publication: null, subscription: null, trackId: null });
  }

  /** @param {Section} section */
  #add(section) {
    this.#sections.push(section);
    return section;
  }

  /** @param {Section} section */
  #retire(section) {
    section.publication = null;
    section.subscription = null;
    section.trackId = null;
    section.transceiver.direction = "inactive";
  }

  /** @param {Publication} publication */
  #sectionOf(publication) {
    return this.#sections.find((section) => section.publication === publication);
  }
}

/** @param {Section[]} offered @returns {Record<string, Wish>} by mid, for every section in use */
function wishes(offered) {
  /** @type {Record<string, Wish>} */
  const tracks = {};
  for (const { transceiver, publication, subscription } of offered) {
    const mid = /** @type {string} */ (transceiver.mid);
    if (publication) {
      tracks[mid] = { publish: { source: publication.source, muted: publication.muted, encryption: "none" } };
    } else if (subscription) {
      tracks[mid] = { subscribe: subscription };
    }
  }
  return tracks;
}

/** @param {Section} section */
function isActive(section) {
  return section.publication !== null || section.subscription !== null;
}

/** @param {Section} section */
function isAgreed({ transceiver }) {
  return transceiver.currentDirection === "sendonly" || transceiver.currentDirection === "recvonly";
}
