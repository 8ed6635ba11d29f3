/**
 * The Teleconsult client: joins a room, publishes and receives tracks, and keeps doing so while networks come and go.
 * An EventTarget without any DOM; README.md has a complete example, signalling/PROTOCOL.md is the authority.
 */

import { fromBase64url, toBase64url } from "./client/base64url.js";
import { TeleconsultError, codeOf, isFinal } from "./client/errors.js";
import { handOver } from "./client/handover.js";
import { Joining, MAX_HOPS, movedTo } from "./client/joining.js";
import { Link, keyOf } from "./client/link.js";
import { Publication } from "./client/publication.js";
import { Search } from "./client/search.js";
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

const VERSION = "0.1.0";
const MOVE_PATIENCE_MS = 8_000;
/** We have all of the others on the next node; they may need a moment longer to have ours. */
const LINGER_MS = 1_000;
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
  /** Until the node is left that the room moved from. @type {ReturnType<typeof setTimeout> | undefined} */
  #lingering;
  /** Consents refused or taken back in this visit, by kind, as they were said. @type {Map<string, Record<string, unknown>>} */
  #noes = new Map();
  /** Whether the lost room was found elsewhere. @type {Promise<boolean> | null} */
  #seeking = null;
  /** @type {Search | null} */
  #search = null;
  /** The node of this visit, to tell another by; null before there is one. @type {string | null} */
  #url = null;
  /** How large pictures need to be, where that was said. @type {Map<string, number>} */
  #preferred = new Map();
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

  /**
   * Where the visit stands. `moving`: all is well, and a connection to another node is being made. `reconnecting`:
   * signalling is lost; sound and picture may well go on.
   */
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
    const { others = new Map() } = this.#link?.room ?? {};
    // While the room moves, some are on one node only: here, or already, or still, on the other.
    return [...new Map([...(this.#link?.beside?.room?.others ?? []), ...others]).values()];
  }

  get room() {
    return this.#link?.room?.info ?? null;
  }

  /** Place in the queue, while the server tells one. */
  get queue() {
    return this.#link?.room?.queue ?? null;
  }

  /** Where the node takes media, `address:port`, to try the way there before being admitted; empty where it does not say. */
  get mediaAddresses() {
    return this.#link?.room?.mediaAddresses ?? [];
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
    this.#url = null;
    this.#preferred.clear();
    this.#noes.clear();
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
    await this.#decide("end");
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
    const link = this.#linkWith((room) => room.find(trackId));
    const track = link?.room?.find(trackId)?.track;
    if (track && maxHeight !== null) this.#preferred.set(keyOf(track), maxHeight);
    else if (track) this.#preferred.delete(keyOf(track));
    if (link && track) await link.prefer(trackId, maxHeight);
    else await this.#request("prefer", { track: trackId, max_height: maxHeight });
  }

  /** Let somebody in from the waiting room. @param {string} participantId */
  async admit(participantId) {
    await this.#decide("admit", { participant: participantId });
  }

  /** Send somebody away. @param {string} participantId */
  async remove(participantId) {
    await this.#decide("remove", { participant: participantId });
  }

  /**
   * Send something the server passes on unread.
   * @param {string | null} to  participant id; null for all others
   * @param {string} kind  at most 32 characters
   * @param {Uint8Array} body  at most 64 KiB
   */
  async relay(to, kind, body) {
    const link = this.#linkWith((room) => to === null || room.participant(to)) ?? this.#link;
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
    return (await this.#decide("recording", { action })).recording;
  }

  /**
   * Give, refuse or withdraw one's own consent. A withdrawal stops a recording at once.
   * @param {"recording"} kind
   * @param {ConsentAnswer} state
   * @param {string} [textVersion]  which text the person was shown; at most 64 characters
   */
  async consent(kind, state, textVersion) {
    const said = { kind, state, ...(textVersion ? { text_version: textVersion } : {}) };
    if (state === "granted") this.#noes.delete(kind);
    else this.#noes.set(kind, said);
    // A no is for every node that may still record; the one that the room is leaving cannot tell the next.
    const older = state === "granted" ? [] : this.#joined().slice(1);
    for (const link of older) void link.request("consent", said).catch(() => {});
    await this.#decide("consent", said);
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

  /** @param {Ticket} ticket @param {() => boolean} [isNeeded]  when it is open */
  async #open(ticket, isNeeded = () => true) {
    const link = await this.#enter(ticket);
    if (isNeeded()) return this.#use(link);
    await this.#drop(link);
    throw new TeleconsultError("connection-lost", "not needed any more");
  }

  /**
   * @param {Ticket} ticket
   * @param {Link} [neighbour]  to another node with the same people
   * @returns {Promise<Link>} joined
   */
  async #enter({ ticket, url }, neighbour) {
    const link = this.#makeLink(url);
    if (neighbour) link.standBeside(neighbour);
    try {
      await link.open(ticket);
    } catch (error) {
      link.stepAside();
      await this.#drop(link, false);
      throw error;
    }
    if (!this.#links.has(link)) throw new TeleconsultError("left"); // dropped meanwhile
    this.#repeatNoes(link);
    return link;
  }

  /** @param {Link} link  joined */
  #use(link) {
    const moved = this.#url !== null && this.#url !== link.url;
    this.#link = link;
    this.#url = link.url;
    this.#lastTotals = null;
    this.#search?.stop();
    this.#media = link.peer?.connection.connectionState === "connected" ? "connected" : null;
    if (this.#media) this.#everFlowed = true;
    this.#setState("connected");
    if (!link.online) this.#onlineChanged(link, false);
    if (moved) this.#dispatch("moved", { url: link.url });
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
    const link = new Link(url, {
      autoSubscribe, rtcConfiguration, client, WebSocket: WebSocketClass,
      inherited: autoSubscribe ? [] : (this.#link?.subscriptions ?? []), preferred: this.#preferred,
    }, {
      event: (event) => this.#event(link, event),
      changed: () => this.#isPresent(link) && this.#changed(),
      online: (online) => link === this.#link && this.#onlineChanged(link, online),
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

  /** @param {Link} link @param {import("./client/types.js").Message} event */
  #event(link, event) {
    const newer = link === this.#link || this.#moving !== null;
    if (!this.#isPresent(link) || !isNews(event, link === this.#link, newer, link.beside?.room ?? null)) return;
    if (event.type === "moved") {
      this.#moving ??= this.#move(link, { ticket: event.ticket, url: event.url });
      return;
    }
    const detail = event.type === "relay" ? { ...event, body: fromBase64url(event.body) } : event;
    this.#dispatch(/** @type {keyof ClientEventMap} */ (event.type), /** @type {any} */ (detail));
    if (event.type === "room-ended") this.#end("room-ended", event.reason ?? null);
  }

  /** Whether it carries this visit: it is in use, or beside the one that is. @param {Link} link */
  #isPresent(link) {
    return this.#link !== null && (link === this.#link || link === this.#link.beside);
  }

  /** The one in use before one beside it. @param {(room: import("./client/room.js").Room) => unknown} knows */
  #linkWith(knows) {
    return [this.#link, this.#link?.beside].find((link) => link?.room && link.online && knows(link.room)) ?? null;
  }

  /** @param {Link} link  in use @param {boolean} online */
  #onlineChanged(link, online) {
    if (this.#state === "connecting") return;
    this.#search?.stop();
    this.#setState(online ? (this.#moving ? "moving" : "connected") : "reconnecting");
    if (!online) this.#seeking = this.#seek(link, this.#seeking);
  }

  /**
   * The session is being resumed, but its node may be dead: look whether the room lives elsewhere by now, and go there.
   * @param {Link} link
   * @param {Promise<boolean> | null} before  the search after an earlier loss
   */
  async #seek(link, before) {
    const search = new Search(async () => this.#options.getTicket("rejoin"), link.url);
    this.#search = search;
    if (await before) return false;
    for (let ticket = await search.next(); ticket && link === this.#link; ticket = await search.next()) {
      if (this.#moving || link.online) continue; // one way at a time
      try {
        await this.#open(ticket, () => link === this.#link && !link.online);
        void this.#drop(link, false);
        return true;
      } catch (error) {
        if (isFinal(codeOf(error))) this.#end(codeOf(error)); // by the node that has the room
      }
    }
    return false;
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
    this.#search?.stop();
    // A moment later the next link takes over.
    if (!link.beside?.peer?.flows) this.#setState("reconnecting", code);
    const elsewhere = (await this.#moving) || (await this.#seeking);
    void this.#drop(link, code === "media-failed");
    if (elsewhere || link !== this.#link) return; // moved, found, or ended, meanwhile
    this.#setState("reconnecting", code);
    await this.#connect("rejoin", this.#options.rejoinPatienceMs ?? DEFAULTS.rejoinPatienceMs).catch(() => {});
  }

  /**
   * The node is being drained: build the new connection first, and drop the old one once the new one carries everything.
   * When that fails we stay; once this node goes, its close code makes us rejoin.
   * @param {Link} old  in use
   * @param {Ticket} target
   */
  async #move(old, target) {
    this.#setState("moving");
    clearTimeout(this.#lingering);
    if (old.beside) this.#leave(old.beside); // where an earlier move came from
    /** @type {Link | null} */
    let next = null;
    try {
      next = await this.#follow(old, target);
      await next.flowing(MOVE_PATIENCE_MS);
      await handOver(old, next);
      if (this.#link !== old) throw new TeleconsultError("left");
    } catch {
      if (this.#state === "ended") return false;
      old.show();
      if (next) this.#leave(next);
      if (this.#state === "moving") this.#setState("connected");
      return false;
    } finally {
      this.#moving = null;
    }
    this.#use(next);
    if (old.over) this.#leave(old);
    else this.#lingering = setTimeout(() => this.#leave(old), LINGER_MS);
    return true;
  }

  /**
   * Join beside a link, wherever the room is by now.
   * @param {Link} old
   * @param {Ticket} target
   * @returns {Promise<Link>}
   */
  async #follow(old, target) {
    for (let hops = 0; ; hops++) {
      try {
        return await this.#enter(target, old);
      } catch (error) {
        const further = hops < MAX_HOPS ? movedTo(error, target) : null;
        if (!further || this.#link !== old) throw error;
        target = further;
      }
    }
  }

  /** Leave a node whose people are on another. @param {Link} link */
  #leave(link) {
    link.stepAside();
    void this.#drop(link);
    this.#changed();
  }

  /** @param {Publication} publication */
  async #tellMuted(publication) {
    this.#changed();
    await Promise.all([...this.#links].map((link) => link.tellMuted(publication).catch((error) => {
      if (this.#isPresent(link)) this.#dispatch("problem", { code: codeOf(error) });
    })));
  }

  /** The links that are in the room, the latest first. */
  #joined() {
    return [...this.#links].reverse().filter((link) => link.room && link.online);
  }

  /**
   * What decides about the room is for the node that has it: while it moves, for the next one.
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   */
  #decide(type, fields) {
    const link = this.#joined()[0] ?? this.#link;
    return link ? link.request(type, fields) : Promise.reject(new TeleconsultError("not-joined"));
  }

  /** A node may not have heard of a consent taken back: it was said while the room moved. @param {Link} link */
  #repeatNoes(link) {
    const { room } = link;
    for (const said of this.#noes.values()) {
      if (room?.info.recording.granted.includes(room.self.id)) {
        void link.request("consent", said).catch((error) => this.#dispatch("problem", { code: codeOf(error) }));
      }
    }
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
    this.#search?.nudge();
    this.#link?.networkChanged();
    this.#link?.beside?.networkChanged();
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
    clearTimeout(this.#lingering);
    this.#listenToNetwork(false);
    const links = [...this.#links];
    this.#link = null;
    this.#media = null;
    this.#lastTotals = null;
    this.#setState("ended", code, reason);
    this.#joining?.cancel();
    this.#search?.stop();
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

/**
 * Whether an event tells the embedder something. While the room moves two nodes tell of the same people: each of them
 * comes once, and leaves when it is on neither.
 * @param {import("./client/types.js").Message} event
 * @param {boolean} inUse  whether it comes from the node in use
 * @param {boolean} newer  whether it comes from the node that has the room, now or soon
 * @param {import("./client/room.js").Room | null} beside  the room as the other node has it
 */
function isNews(event, inUse, newer, beside) {
  switch (event.type) {
    case "participant-joined":
    case "knocking":
      return !beside?.others.has(event.participant.id);
    case "participant-left":
      return !beside?.others.has(event.id);
    case "relay":
      return true; // sent to one of the two nodes
    case "room-ended":
      return newer;
    default:
      return inUse;
  }
}

/** No fingerprint: just enough to read a server's statistics by browser family. */
function platform() {
  const agent = globalThis.navigator?.userAgent ?? "";
  return ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name))?.replace("Edg", "Edge") ?? "other";
}
