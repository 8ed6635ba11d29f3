/**
 * The Teleconsult client: joins a room, publishes and receives tracks, and keeps doing so while networks come and go.
 * An EventTarget without any DOM; README.md has a complete example, signalling/PROTOCOL.md is the authority.
 */

import { toBase64url } from "./client/base64url.js";
import { TeleconsultError } from "./client/errors.js";
import { keyOf } from "./client/link.js";
import { Publication } from "./client/publication.js";
import { Visit } from "./client/visit.js";

export { Publication, TeleconsultError };

/** @typedef {import("./client/client_events.js").ClientEventMap} ClientEventMap */
/** @typedef {import("./client/client_events.js").ClientState} ClientState */
/** @typedef {import("./client/room.js").Participant} Participant */
/** @typedef {import("./client/types.js").ConsentAnswer} ConsentAnswer */
/** @typedef {import("./client/types.js").PublishOptions} PublishOptions */
/** @typedef {import("./client/types.js").RecordingState} RecordingState */
/** @typedef {import("./client/types.js").Source} Source */
/** @typedef {import("./client/types.js").StatsSummary} StatsSummary */
/** @typedef {import("./client/types.js").Ticket} Ticket */

/**
 * @typedef {object} ClientOptions
 * @property {(why: "join" | "rejoin") => Promise<Ticket>} getTicket  a fresh, unused ticket; called again for every join,
 *   and while a lost connection is being resumed, to see whether the room lives on another node by now.
 *   Throw a TeleconsultError to end the visit with its code; any other error counts as "not reachable, try again".
 * @property {boolean} [autoSubscribe]      receive every track of the others (default); else use `subscribe`
 * @property {number} [joinPatienceMs]      how long the first join tries an unreachable server (12 s)
 * @property {number} [rejoinPatienceMs]    how long a lost call tries to come back (120 s)
 * @property {number} [statsIntervalMs]     pace of `stats` events (2.5 s); the server hears every second one
 * @property {RTCConfiguration} [rtcConfiguration]
 * @property {{name: string, version: string, platform?: string}} [client]
 * @property {typeof WebSocket} [WebSocket]  for tests
 */

export class TeleconsultClient extends EventTarget {
  #visit;

  /** @param {ClientOptions} options */
  constructor(options) {
    super();
    this.#visit = new Visit(options, (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })));
  }

  /**
   * Where the visit stands. `moving`: all is well, and a connection to another node is being made. `reconnecting`:
   * signalling is lost; sound and picture may well go on.
   */
  get state() {
    return this.#visit.state;
  }

  /** The path of sound and picture: null before there is one. */
  get mediaState() {
    return this.#visit.media;
  }

  /** This participant; null before joining. */
  get self() {
    return this.#visit.link?.room?.self ?? null;
  }

  /** The others. @returns {Participant[]} */
  get participants() {
    const { others = new Map() } = this.#visit.link?.room ?? {};
    // While the room moves, some are on one node only: here, or already, or still, on the other.
    return [...new Map([...(this.#visit.link?.beside?.room?.others ?? []), ...others]).values()];
  }

  get room() {
    return this.#visit.link?.room?.info ?? null;
  }

  /** Place in the queue, while the server tells one. */
  get queue() {
    return this.#visit.link?.room?.queue ?? null;
  }

  /** Where the node takes media, `address:port`, to try the way there before being admitted; empty where it does not say. */
  get mediaAddresses() {
    return this.#visit.link?.room?.mediaAddresses ?? [];
  }

  get publications() {
    return [...this.#visit.publications];
  }

  /** The present connection, for measuring; do not renegotiate it yourself. It changes when the client rejoins. */
  get peerConnection() {
    return this.#visit.link?.peer?.connection ?? null;
  }

  /**
   * addEventListener with the detail at hand.
   * @template {keyof ClientEventMap} K
   * @param {K} type
   * @param {(detail: ClientEventMap[K]) => void} listener
   * @returns {() => void} stops listening
   */
  on(type, listener) {
    /** @param {Event} event */
    const handler = (event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(type, handler);
    return () => this.removeEventListener(type, handler);
  }

  /**
   * Join the room. Resolves once joined, which for somebody who must wait for admission is before any media flows.
   * Rejects with a TeleconsultError; the state is `ended` then, and `join` may be called again.
   */
  async join() {
    await this.#visit.join();
  }

  /** Leave, and release everything but the local tracks, which belong to the caller. */
  async leave() {
    await this.#visit.leave();
  }

  /** A doctor ends the consultation for everybody. */
  async end() {
    await this.#visit.decide("end");
  }

  /**
   * Publish a local track. Before `join` and before admission it is kept and sent when possible; `ready` of the returned
   * publication tells when.
   * @param {MediaStreamTrack} track
   * @param {Source} source
   * @param {PublishOptions} [options]
   * @returns {Publication}
   */
  publish(track, source, options = {}) {
    if (options.contentHint) track.contentHint = options.contentHint;
    const publication = new Publication({
      trackId: (which) => this.#visit.link?.peer?.trackId(which) ?? null,
      muteChanged: (which) => this.#visit.tellMuted(which),
      trackChanged: async (which) => {
        for (const link of this.#visit.links) await link.peer?.replaceTrack(which);
      },
      unpublished: (which) => {
        this.#visit.publications.delete(which);
        for (const link of this.#visit.links) link.unpublish(which);
      },
    }, track, source, options);
    this.#visit.publications.add(publication);
    for (const link of this.#visit.links) link.publish(publication);
    return publication;
  }

  /** Receive one track; only needed without `autoSubscribe`. @param {string} trackId */
  subscribe(trackId) {
    this.#visit.link?.want(trackId, true);
  }

  /** @param {string} trackId */
  unsubscribe(trackId) {
    this.#visit.link?.want(trackId, false);
  }

  /**
   * Say how large a received video needs to be.
   * @param {string} trackId
   * @param {number | null} maxHeight  pixels; 0 pauses it, null asks for the best
   */
  async prefer(trackId, maxHeight) {
    const link = this.#visit.linkWith((room) => room.find(trackId));
    const track = link?.room?.find(trackId)?.track;
    if (track && maxHeight !== null) this.#visit.preferred.set(keyOf(track), maxHeight);
    else if (track) this.#visit.preferred.delete(keyOf(track));
    if (link && track) await link.prefer(trackId, maxHeight);
    else await this.#visit.request("prefer", { track: trackId, max_height: maxHeight });
  }

  /** Let somebody in from the waiting room. @param {string} participantId */
  async admit(participantId) {
    await this.#visit.decide("admit", { participant: participantId });
  }

  /** Send somebody away. @param {string} participantId */
  async remove(participantId) {
    await this.#visit.decide("remove", { participant: participantId });
  }

  /**
   * Send something the server passes on unread.
   * @param {string | null} to  participant id; null for all others
   * @param {string} kind  at most 32 characters
   * @param {Uint8Array} body  at most 64 KiB
   */
  async relay(to, kind, body) {
    const link = this.#visit.linkWith((room) => to === null || room.participant(to)) ?? this.#visit.link;
    if (!link) throw new TeleconsultError("not-joined");
    await link.request("relay", { to, kind, body: toBase64url(body) });
  }

  /**
   * Ask for a recording, or end it; for who has the grant `record`. It begins once everybody present has consented:
   * `room.recording` tells how far it is.
   * @param {"start" | "stop"} action
   * @returns {Promise<RecordingState>} its state from now on
   */
  async recording(action) {
    return (await this.#visit.decide("recording", { action })).recording;
  }

  /**
   * Give, refuse or withdraw one's own consent. A withdrawal stops a recording at once.
   * @param {"recording"} kind
   * @param {ConsentAnswer} state
   * @param {string} [textVersion]  which text the person was shown; at most 64 characters
   */
  async consent(kind, state, textVersion) {
    const said = { kind, state, ...(textVersion ? { text_version: textVersion } : {}) };
    if (state === "granted") this.#visit.noes.delete(kind);
    else this.#visit.noes.set(kind, said);
    // A no is for every node that may still record; the one that the room is leaving cannot tell the next.
    const older = state === "granted" ? [] : this.#visit.joined().slice(1);
    for (const link of older) void link.request("consent", said).catch(() => {});
    await this.#visit.decide("consent", said);
  }

  /** Look for a new network path now. The call goes on over the old one meanwhile. */
  restartIce() {
    this.#visit.link?.peer?.restart();
  }

  /**
   * Figures since the previous `stats` event; null while there is no connection.
   * @returns {Promise<StatsSummary | null>}
   */
  async getStats() {
    return this.#visit.getStats();
  }
}
