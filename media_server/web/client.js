/**
 * The Teleconsult client: joins a room, publishes and receives tracks, and keeps doing so while networks come and go.
 * An EventTarget without any DOM; README.md has a complete example, signalling/PROTOCOL.md is the authority.
 */

import { fromBase64url, toBase64url } from "./client/base64url.js";
import { TeleconsultError, codeOf, isFinal } from "./client/errors.js";
import { Joining } from "./client/joining.js";
import { Link } from "./client/link.js";
import { Publication } from "./client/publication.js";
import { summarise, totals } from "./client/statistics.js";

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
 * @property {(why: "join" | "rejoin") => Promise<Ticket>} getTicket  a fresh, unused ticket; called again for every join.
 *   Throw a TeleconsultError to end the visit with its code; any other error counts as "not reachable, try again".
 * @property {boolean} [autoSubscribe]      receive every track of the others (default); else use `subscribe`
 * @property {number} [joinPatienceMs]      how long the first join tries an unreachable server (12 s)
 * @property {number} [rejoinPatienceMs]    how long a lost call tries to come back (120 s)
 * @property {number} [statsIntervalMs]     pace of `stats` events (2.5 s); the server hears every second one
 * @property {RTCConfiguration} [rtcConfiguration]
 * @property {{name: string, version: string, platform?: string}} [client]
 * @property {typeof WebSocket} [WebSocket]  for tests
 */

const VERSION = "0.1.0";
const MOVE_PATIENCE_MS = 8_000;
const DEFAULTS = { autoSubscribe: true, joinPatienceMs: 12_000, rejoinPatienceMs: 120_000, statsIntervalMs: 2_500 };

export class TeleconsultClient extends EventTarget {
  #options;
  /** @type {ClientState} */
  #state = "idle";
  /** @type {"connecting" | "connected" | "interrupted" | null} */
  #media = null;
  /** The one in use. @type {Link | null} */
  #link = null;
  /** That one, and any that is being made to take its place. @type {Set<Link>} */
  #links = new Set();
  /** @type {Set<Publication>} */
  #publications = new Set();
  #changePending = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #statsTimer;
  /** @type {import("./client/statistics.js").Totals | null} */
  #lastTotals = null;
  #ticks = 0;
  /** @type {Joining | null} */
  #joining = null;
  /** A move to another node under way: whether it worked. @type {Promise<boolean> | null} */
  #moving = null;
  /** Whether sound and picture ever got through in this visit. */
  #everFlowed = false;
  /** @type {Promise<unknown> | undefined} */
  #closing;
  #onNetwork = () => this.#networkChanged();

  /** @param {ClientOptions} options */
  constructor(options) {
    super();
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Where the visit stands. `reconnecting` means that signalling is lost; sound and picture may well go on. */
  get state() {
    return this.#state;
  }

  /** The path of sound and picture: null before there is one. */
  get mediaState() {
    return this.#media;
  }

  /** This participant; null before joining. */
  get self() {
    return this.#link?.room?.self ?? null;
  }

  /** The others. @returns {Participant[]} */
  get participants() {
    return [...(this.#link?.room?.others.values() ?? [])];
  }

  get room() {
    return this.#link?.room?.info ?? null;
  }

  /** Place in the queue, while the server tells one. */
  get queue() {
    return this.#link?.room?.queue ?? null;
  }

  get publications() {
    return [...this.#publications];
  }

  /** The present connection, for measuring; do not renegotiate it yourself. It changes when the client rejoins. */
  get peerConnection() {
    return this.#link?.peer?.connection ?? null;
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
    if (this.#state !== "idle" && this.#state !== "ended") throw new TeleconsultError("already-joined");
    this.#everFlowed = false;
    this.#setState("connecting");
    if (!globalThis.RTCPeerConnection) {
      this.#end("unsupported-browser");
      throw new TeleconsultError("unsupported-browser");
    }
    this.#listenToNetwork(true);
    await this.#connect("join", this.#options.joinPatienceMs);
    this.#statsTimer = setInterval(() => void this.#sample(), this.#options.statsIntervalMs);
  }

  /** Leave, and release everything but the local tracks, which belong to the caller. */
  async leave() {
    this.#end("left");
    await this.#closing;
  }

  /** A doctor ends the consultation for everybody. */
  async end() {
    await this.#request("end");
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
      trackId: (which) => this.#link?.peer?.trackId(which) ?? null,
      muteChanged: (which) => this.#tellMuted(which),
      trackChanged: async (which) => {
        for (const link of this.#links) await link.peer?.replaceTrack(which);
      },
      unpublished: (which) => {
        this.#publications.delete(which);
        for (const link of this.#links) link.unpublish(which);
      },
    }, track, source, options);
    this.#publications.add(publication);
    for (const link of this.#links) link.publish(publication);
    return publication;
  }

  /** Receive one track; only needed without `autoSubscribe`. @param {string} trackId */
  subscribe(trackId) {
    this.#link?.want(trackId, true);
  }

  /** @param {string} trackId */
  unsubscribe(trackId) {
    this.#link?.want(trackId, false);
  }

  /**
   * Say how large a received video needs to be.
   * @param {string} trackId
   * @param {number | null} maxHeight  pixels; 0 pauses it, null asks for the best
   */
  async prefer(trackId, maxHeight) {
    await this.#request("prefer", { track: trackId, max_height: maxHeight });
  }

  /** Let somebody in from the waiting room. @param {string} participantId */
  async admit(participantId) {
    await this.#request("admit", { participant: participantId });
  }

  /** Send somebody away. @param {string} participantId */
  async remove(participantId) {
    await this.#request("remove", { participant: participantId });
  }

  /**
   * Send something the server passes on unread.
   * @param {string | null} to  participant id; null for all others
   * @param {string} kind  at most 32 characters
   * @param {Uint8Array} body  at most 64 KiB
   */
  async relay(to, kind, body) {
    await this.#request("relay", { to, kind, body: toBase64url(body) });
  }

  /**
   * Ask for a recording, or end it; for who has the grant `record`. It begins once everybody present has consented:
   * `room.recording` tells how far it is.
   * @param {"start" | "stop"} action
   * @returns {Promise<RecordingState>} its state from now on
   */
  async recording(action) {
    return (await this.#request("recording", { action })).recording;
  }

  /**
   * Give, refuse or withdraw one's own consent. A withdrawal stops a recording at once.
   * @param {"recording"} kind
   * @param {ConsentAnswer} state
   * @param {string} [textVersion]  which text the person was shown; at most 64 characters
   */
  async consent(kind, state, textVersion) {
    await this.#request("consent", { kind, state, ...(textVersion ? { text_version: textVersion } : {}) });
  }

  /** Look for a new network path now. The call goes on over the old one meanwhile. */
  restartIce() {
    this.#link?.peer?.restart();
  }

  /**
   * Figures since the previous `stats` event; null while there is no connection.
   * @returns {Promise<StatsSummary | null>}
   */
  async getStats() {
    const pc = this.peerConnection;
    if (!pc || pc.connectionState === "closed") return null;
    const now = totals(await pc.getStats(), performance.now());
    return summarise(this.#lastTotals ?? { ...now, at: now.at - 1000 }, now);
  }

  /** When it rejects the visit is over. @param {"join" | "rejoin"} why @param {number} patienceMs */
  async #connect(why, patienceMs) {
    const joining = new Joining(async () => this.#options.getTicket(why), (ticket) => this.#open(ticket));
    this.#joining = joining;
    try {
      await joining.run(patienceMs);
    } catch (error) {
      if (!joining.cancelled) this.#end(codeOf(error)); // else it has ended, and another visit may have begun
      throw error;
    } finally {
      if (this.#joining === joining) this.#joining = null;
    }
  }

  /** @param {Ticket} ticket */
  async #open({ ticket, url }) {
    const link = this.#makeLink(url);
    try {
      await link.open(ticket);
    } catch (error) {
      await this.#drop(link, false);
      throw error;
    }
    if (!this.#links.has(link)) throw new TeleconsultError("left"); // dropped meanwhile
    this.#use(link);
  }

  /** @param {Link} link  joined */
  #use(link) {
    this.#link = link;
    this.#lastTotals = null;
    this.#media = link.peer?.connection.connectionState === "connected" ? "connected" : null;
    if (this.#media) this.#everFlowed = true;
    this.#setState("connected");
    this.#changed();
  }

  /** @param {Link} link @param {boolean} [sayGoodbye] */
  async #drop(link, sayGoodbye) {
    this.#links.delete(link);
    await link.close(sayGoodbye);
  }

  /** @param {string} url */
  #makeLink(url) {
    const { autoSubscribe = true, rtcConfiguration = {}, WebSocket: WebSocketClass } = this.#options;
    const client = this.#options.client ?? { name: "teleconsult-web", version: VERSION, platform: platform() };
    /** @type {Link} */
    const link = new Link(url, { autoSubscribe, rtcConfiguration, client, WebSocket: WebSocketClass }, {
      event: (event) => link === this.#link && this.#event(event),
      changed: () => link === this.#link && this.#changed(),
      online: (online) => link === this.#link && this.#state !== "connecting" &&
        this.#setState(online ? "connected" : "reconnecting"),
      media: (state) => link === this.#link && this.#mediaChanged(state),
      track: (detail) => this.#dispatch("track", detail),
      trackEnded: (detail) => this.#dispatch("track-ended", detail),
      published: (publication, error) => {
        publication.settle(error);
        if (error) this.#publications.delete(publication);
        if (error) this.#dispatch("problem", { code: error.code, source: publication.source });
        this.#changed();
      },
      lost: (code) => link === this.#link && void this.#lost(link, code),
      problem: (error) => this.#dispatch("problem", { code: codeOf(error) }),
    }, this.#publications);
    this.#links.add(link);
    return link;
  }

  /** @param {import("./client/types.js").Message} event */
  #event(event) {
    const detail = event.type === "relay" ? { ...event, body: fromBase64url(event.body) } : event;
    this.#dispatch(/** @type {keyof ClientEventMap} */ (event.type), /** @type {any} */ (detail));
    if (event.type === "room-ended") this.#end("room-ended", event.reason ?? null);
    else if (event.type === "moved") this.#moving ??= this.#move({ ticket: event.ticket, url: event.url });
  }

  /** @param {"connecting" | "connected" | "interrupted"} state */
  #mediaChanged(state) {
    this.#media = state;
    if (state === "connected") this.#everFlowed = true;
    this.#dispatch("media", { state });
    this.#changed();
  }

  /** A link is gone for good: end, or join afresh. @param {Link} link @param {string} code */
  async #lost(link, code) {
    if (this.#state === "ended") return;
    const ourMove = code === "replaced" && this.#moving !== null; // the new connection is the newer one
    if (!ourMove && (isFinal(code) || (code === "media-failed" && !this.#everFlowed))) return this.#end(code);
    this.#setState("reconnecting", code);
    void this.#drop(link, code === "media-failed");
    if ((await this.#moving) || link !== this.#link) return; // moved, or ended, meanwhile
    await this.#connect("rejoin", this.#options.rejoinPatienceMs ?? DEFAULTS.rejoinPatienceMs).catch(() => {});
  }

  /**
   * The node is being drained: build the new connection first, then drop the old one. When that fails we stay; once this
   * node goes, its close code makes us rejoin.
   * @param {Ticket} target
   */
  async #move({ ticket, url }) {
    const old = this.#link;
    const next = this.#makeLink(url);
    try {
      await next.open(ticket);
      await next.flowing(MOVE_PATIENCE_MS);
      if (this.#link !== old) throw new TeleconsultError("left");
    } catch {
      void this.#drop(next);
      return false;
    } finally {
      this.#moving = null;
    }
    this.#use(next);
    if (old) void this.#drop(old);
    return true;
  }

  /** @param {Publication} publication */
  async #tellMuted(publication) {
    this.#changed();
    await this.#link?.tellMuted(publication).catch((error) => this.#dispatch("problem", { code: codeOf(error) }));
  }

  /** @param {string} type @param {Record<string, unknown>} [fields] */
  #request(type, fields) {
    if (!this.#link) return Promise.reject(new TeleconsultError("not-joined"));
    return this.#link.request(type, fields);
  }

  async #sample() {
    const pc = this.peerConnection;
    const link = this.#link;
    if (!pc || !link || pc.connectionState === "closed") return;
    const now = totals(await pc.getStats(), performance.now());
    if (link !== this.#link) return;
    const summary = this.#lastTotals ? summarise(this.#lastTotals, now) : null;
    this.#lastTotals = now;
    if (!summary) return;
    if (this.#media !== "connected") summary.rating = "lost";
    this.#dispatch("stats", summary);
    if (++this.#ticks % 2 === 0) {
      await link.reportStats({ uplink: summary.uplink, downlink: summary.downlink });
    }
  }

  #networkChanged() {
    this.#joining?.nudge();
    this.#link?.networkChanged();
  }

  /** @param {boolean} listen */
  #listenToNetwork(listen) {
    const verb = listen ? "addEventListener" : "removeEventListener";
    globalThis[verb]("online", this.#onNetwork);
    /** @type {any} */ (globalThis.navigator)?.connection?.[verb]?.("change", this.#onNetwork);
  }

  /** @param {string} code @param {string | null} [reason] */
  #end(code, reason = null) {
    if (this.#state === "ended") return;
    clearInterval(this.#statsTimer);
    this.#listenToNetwork(false);
    const links = [...this.#links];
    this.#link = null;
    this.#media = null;
    this.#lastTotals = null;
    this.#setState("ended", code, reason);
    this.#joining?.cancel();
    this.#closing = Promise.all(links.map((link) => this.#drop(link, code === "left" || code === "media-failed")));
    for (const publication of this.#publications) publication.settle(new TeleconsultError(code));
    this.#publications.clear();
  }

  /** @param {ClientState} state @param {string | null} [code] @param {string | null} [reason] */
  #setState(state, code = null, reason = null) {
    if (this.#state === state) return;
    this.#state = state;
    this.#dispatch("state", { state, code, reason });
    this.#changed();
  }

  #changed() {
    if (this.#changePending) return;
    this.#changePending = true;
    queueMicrotask(() => {
      this.#changePending = false;
      this.#dispatch("change", null);
    });
  }

  /**
   * @template {keyof ClientEventMap} K
   * @param {K} type
   * @param {ClientEventMap[K]} detail
   */
  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** No fingerprint: just enough to read a server's statistics by browser family. */
function platform() {
  const agent = globalThis.navigator?.userAgent ?? "";
  return ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name))?.replace("Edg", "Edge") ?? "other";
}
