/**
 * One stay in one room on one node: a session, its peer connection and its picture of the room, kept in step. When it
 * is lost for good, the client makes another. While the room moves two links stand beside each other; of each sound and
 * picture that both carry, one is shown: in its participant's stream.
 */

import { backoffMs } from "./backoff.js";
import { TeleconsultError } from "./errors.js";
import { Peer } from "./peer.js";
import { Room } from "./room.js";
import { Session } from "./session.js";

/** @typedef {import("./publication.js").Publication} Publication */
/** @typedef {import("./types.js").Joined} Joined */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Ticket} Ticket */

/**
 * @typedef {object} LinkOptions
 * @property {boolean} autoSubscribe
 * @property {Record<string, unknown>} client      what `join` says about this program
 * @property {RTCConfiguration} rtcConfiguration   merged over the server's ICE servers
 * @property {typeof WebSocket} [WebSocket]
 * @property {Iterable<string>} [inherited]        keys of what to subscribe to as soon as it is offered
 * @property {ReadonlyMap<string, number>} [preferred]  key → largest height of a picture
 */

/**
 * @typedef {object} Subscription
 * @property {string} key                          the same on every node; ids of tracks are not
 * @property {MediaStreamTrack} media
 * @property {import("./types.js").TrackInfo} track
 * @property {import("./room.js").Participant} participant
 * @property {MediaStream} stream
 * @property {boolean} shown                       whether it is in the stream
 */

/**
 * @typedef {object} LinkHooks
 * @property {(event: Message) => void} event
 * @property {() => void} changed                  something in the room is different
 * @property {(online: boolean) => void} online    the socket came (back) or went
 * @property {(state: "connecting" | "connected" | "interrupted") => void} media
 * @property {(detail: import("./client_events.js").TrackDetail) => void} track
 * @property {(detail: import("./client_events.js").TrackDetail) => void} trackEnded
 * @property {(publication: Publication, error?: TeleconsultError) => void} published
 * @property {(code: string) => void} lost
 * @property {(error: Error) => void} problem      something failed that the call survives
 */

/** Connections in a row that fail before we give the link up, and fewer when none ever worked: a wall is a wall. */
const MAX_FAILURES = 3;
const MAX_FIRST_FAILURES = 1;

export class Link {
  #options;
  #hooks;
  #session;
  /** @type {Peer | null} */
  #peer = null;
  /** @type {Room | null} */
  #room = null;
  /** By the track's id. @type {Map<string, Subscription>} */
  #subscribed = new Map();
  /** The one to the node that the room moves to or from. @type {Link | null} */
  #beside = null;
  /** The joined state that the present connection was made from. @type {Joined | null} */
  #joinedState = null;
  /** Connections made in a row that never worked. */
  #failures = 0;
  #failed = false;
  #everFlowed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #newPeerTimer;
  /** Told once sound and picture flow, or with the reason why they never will. @type {(error?: Error) => void} */
  #settleFlow = () => {};
  /** Tracks the server would not give us, so that we don't ask for ever. @type {Set<string>} */
  #refused = new Set();
  /** Tracks the embedder asked for itself. @type {Set<string>} */
  #wanted = new Set();
  /** Keys of what it asked for on another node. @type {Set<string>} */
  #inherited;
  /** Tracks of which the server knows how large they should be. @type {Set<string>} */
  #preferred = new Set();
  #publications;

  /**
   * @param {string} url
   * @param {LinkOptions} options
   * @param {LinkHooks} hooks
   * @param {ReadonlySet<Publication>} publications  the client's own, as it changes
   */
  constructor(url, options, hooks, publications) {
    this.#options = options;
    this.#hooks = hooks;
    this.#publications = publications;
    this.#inherited = new Set(options.inherited);
    this.#session = new Session(url, {
      event: (event) => this.#event(event),
      interrupted: () => this.#interrupted(),
      joined: (joined) => this.#joined(joined),
      lost: (code) => this.#lost(code),
    }, options.WebSocket);
  }

  get room() {
    return this.#room;
  }

  get peer() {
    return this.#peer;
  }

  get url() {
    return this.#session.url;
  }

  /** Whether there is a socket. */
  get online() {
    return this.#session.online;
  }

  /** Lost for good, or closed. */
  get over() {
    return this.#session.over || this.#failed;
  }

  /** The one to the node that the room moves to or from. */
  get beside() {
    return this.#beside;
  }

  /** Keys of all that is subscribed to. */
  get subscriptions() {
    return [...this.#subscribed.values()].map(({ key }) => key);
  }

  /** Whether everything that we publish is accepted. */
  get complete() {
    return this.#room?.self.admitted !== true || [...this.#publications].every((one) => this.#peer?.trackId(one));
  }

  /** What sound and picture ever arrived, as keys. @returns {Promise<Set<string>>} */
  async received() {
    const subscribed = [...this.#subscribed];
    const counts = await Promise.all(subscribed.map(([id]) => this.#peer?.received(id).catch(() => 0) ?? 0));
    return new Set(subscribed.flatMap(([, { key }], index) => (counts[index] ?? 0) > 0 ? [key] : []));
  }

  /** Whether nothing should arrive of it now. @param {string} key */
  isQuiet(key) {
    const tracks = (this.#room?.offeredTracks ?? []).filter((track) => keyOf(track) === key);
    const isSilent = (/** @type {string} */ id) => this.#room?.find(id)?.participant.silent.has(id);
    return tracks.length > 0 && tracks.every(({ id, muted }) => muted || isSilent(id));
  }

  /**
   * Two links of one visit carry the same people: they share streams, and show each sound and picture once.
   * @param {Link} other
   */
  standBeside(other) {
    this.#beside = other;
    other.#beside = this;
  }

  /** Stand alone again; what this link showed alone is gone. */
  stepAside() {
    for (const subscription of this.#subscribed.values()) if (subscription.shown) this.#hide(subscription);
    if (this.#beside) this.#beside.#beside = null;
    this.#beside = null;
  }

  /**
   * Put what arrives here in the place of what the link beside shows.
   * @param {ReadonlySet<string>} [keys]  default: all
   */
  show(keys) {
    for (const subscription of this.#subscribed.values()) {
      if (!subscription.shown && (!keys || keys.has(subscription.key))) this.#show(subscription);
    }
  }

  /** @param {string} ticket @returns {Promise<Joined>} */
  open(ticket) {
    return this.#session.join(ticket, this.#options.client);
  }

  /** @param {string} type @param {Record<string, unknown>} [fields] */
  request(type, fields) {
    return this.#session.request(type, fields);
  }

  /** @param {Record<string, unknown>} stats */
  async reportStats(stats) {
    await this.#session.probe("stats", stats);
  }

  /** The network changed: don't wait for time-outs, neither of the socket nor of the media path. */
  networkChanged() {
    if (!this.#session.online) this.#session.nudge();
    else void this.#session.probe("stats", {});
    this.#peer?.restart();
  }

  /** @param {Publication} publication */
  publish(publication) {
    this.#peer?.publish(publication);
  }

  /** @param {Publication} publication */
  unpublish(publication) {
    const id = this.#peer?.trackId(publication);
    if (id) this.#room?.self.release(id);
    this.#peer?.unpublish(publication);
  }

  /** Tell the room that a published track is muted or not. @param {Publication} publication */
  async tellMuted(publication) {
    const { muted } = publication;
    const id = this.#peer?.trackId(publication);
    if (!id || !this.#session.online) return; // the next offer says it, or our return does
    this.#room?.muted(id, muted);
    await this.#session.request("mute", { track: id, muted });
  }

  /**
   * Resolves once sound and picture can flow, at once when there are none; rejects when that takes too long, or when
   * this link is lost or closed first.
   * @param {number} patienceMs
   */
  flowing(patienceMs) {
    const pc = this.#peer?.connection;
    if (!this.#room?.self.admitted || !pc || this.#peer?.idle || pc.connectionState === "connected") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new TeleconsultError("timeout", "no media")), patienceMs);
      this.#settleFlow = (error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve(undefined);
      };
    });
  }

  /** @param {string} trackId @param {boolean} wanted */
  want(trackId, wanted) {
    if (wanted) this.#wanted.add(trackId);
    else this.#wanted.delete(trackId);
    this.#refused.delete(trackId);
    this.#reconcile();
  }

  /** @param {string} trackId @param {number | null} maxHeight */
  async prefer(trackId, maxHeight) {
    this.#preferred.add(trackId);
    await this.#session.request("prefer", { track: trackId, max_height: maxHeight });
  }

  /** @param {boolean} [sayGoodbye] */
  async close(sayGoodbye = true) {
    this.#joinedState = null;
    clearTimeout(this.#newPeerTimer);
    this.#settleFlow(new TeleconsultError("left"));
    this.#peer?.close();
    await this.#session.close(sayGoodbye);
  }

  /** @param {Joined} joined */
  #joined(joined) {
    this.#joinedState = joined;
    if (this.#room) this.#room.refresh(joined);
    else this.#room = new Room(joined, (id) => this.#beside?.room?.others.get(id));
    if (this.#peer) this.#connect(this.#peer);
    else this.#newPeer();
    this.#tellIfMutedSince();
    this.#hooks.online(true);
    this.#hooks.changed();
  }

  /** Media starts afresh within this session: at first, and when a connection is beyond repair. */
  #newPeer() {
    clearTimeout(this.#newPeerTimer);
    if (!this.#joinedState) return;
    this.#room?.self.hold([]);
    const old = this.#peer;
    if (old) for (const id of [...this.#subscribed.keys()]) this.#release(old, id);
    old?.close();
    this.#preferred.clear();
    this.#peer = this.#makePeer(this.#joinedState);
    for (const publication of this.#publications) this.#peer.publish(publication);
    this.#connect(this.#peer);
  }

  /** @param {Peer} peer */
  #connect(peer) {
    this.#reconcile();
    peer.setReady(this.#session.online && this.#room?.self.admitted === true);
  }

  /** @param {"connecting" | "connected" | "interrupted" | "failed"} state */
  #media(state) {
    if (state === "connected") {
      this.#failures = 0;
      this.#everFlowed = true;
      this.#settleFlow();
    }
    // The socket to a node that is dead, and its machine with it, may look open for minutes.
    if (state === "interrupted") void this.#session.probe("stats", {});
    if (state !== "failed") return this.#hooks.media(state);
    this.#hooks.media("interrupted");
    if (++this.#failures > (this.#everFlowed ? MAX_FAILURES : MAX_FIRST_FAILURES)) return this.#lost("media-failed");
    this.#newPeerTimer = setTimeout(() => this.#newPeer(), backoffMs(this.#failures - 1));
    return undefined;
  }

  /** @param {string} code */
  #lost(code) {
    this.#failed = true;
    this.#settleFlow(new TeleconsultError(code));
    this.#hooks.lost(code);
  }

  /** @param {Publication} publication @param {boolean} muted  as the server has it */
  #published(publication, muted) {
    const { kind, source } = publication;
    const id = this.#peer?.trackId(publication);
    if (id) this.#room?.published({ id, kind, source, muted });
    this.#tellIfMutedSince();
    this.#hooks.published(publication);
  }

  /** What was muted or unmuted while nobody could be told. */
  #tellIfMutedSince() {
    for (const publication of this.#publications) {
      const told = this.#room?.self.tracks.get(this.#peer?.trackId(publication) ?? "");
      if (told && told.muted !== publication.muted) void this.tellMuted(publication).catch(this.#hooks.problem);
    }
  }

  /**
   * How large pictures need to be was said on another connection.
   * @param {Record<string, import("./types.js").Wish>} tracks
   */
  #tellPreferences(tracks) {
    for (const wish of Object.values(tracks)) {
      const subscription = "subscribe" in wish ? this.#subscribed.get(wish.subscribe) : undefined;
      if (!subscription || this.#preferred.has(subscription.track.id)) continue;
      const maxHeight = this.#options.preferred?.get(subscription.key);
      if (maxHeight !== undefined) void this.prefer(subscription.track.id, maxHeight).catch(this.#hooks.problem);
    }
  }

  /** @param {Joined} joined */
  #makePeer(joined) {
    const configuration = { iceServers: joined.ice_servers ?? [], ...this.#options.rtcConfiguration };
    return new Peer(configuration, {
      offer: async (sdp, tracks) => {
        const reply = await this.#session.request("offer", { sdp, tracks });
        this.#tellPreferences(tracks);
        return { sdp: reply.sdp, tracks: reply.tracks };
      },
      media: (state) => this.#media(state),
      published: (publication, muted) => this.#published(publication, muted),
      refused: (publication, error) => this.#hooks.published(publication, error),
      unsubscribed: (trackIds, error) => {
        trackIds.forEach((id) => this.#refused.add(id));
        this.#reconcile();
        this.#hooks.problem(error);
      },
    });
  }

  #interrupted() {
    this.#peer?.setReady(false);
    this.#hooks.online(false);
  }

  /** @param {Message} event */
  #event(event) {
    const room = this.#room;
    if (!room) return;
    room.apply(event);
    this.#reconcile();
    if (event.type === "participant-admitted" && event.id === room.self.id) this.#peer?.setReady(true);
    if (event.type === "quality" && event.participant === room.self.id && event.transport === "closed") this.#newPeer();
    this.#hooks.event(event);
    this.#hooks.changed();
  }

  /** Subscribe to what is wanted and offered, let go of the rest. Safe to call at any time, any number of times. */
  #reconcile() {
    const room = this.#room;
    const peer = this.#peer;
    if (!room || !peer) return;
    const offered = new Map(room.offeredTracks.map((track) => [track.id, track]));
    for (const [id, track] of offered) {
      if (this.#inherited.delete(keyOf(track))) this.#wanted.add(id);
      if (this.#isWanted(id) && !this.#subscribed.has(id)) this.#attach(room, track, peer);
    }
    for (const id of this.#subscribed.keys()) {
      if (!offered.has(id) || !this.#isWanted(id)) this.#release(peer, id);
    }
  }

  /** @param {string} trackId */
  #isWanted(trackId) {
    return !this.#refused.has(trackId) && (this.#options.autoSubscribe || this.#wanted.has(trackId));
  }

  /** @param {Room} room @param {import("./types.js").TrackInfo} track @param {Peer} peer */
  #attach(room, track, peer) {
    const participant = room.others.get(track.participant);
    if (!participant) return;
    const media = peer.subscribe(track.id, track.kind);
    const stream = track.source === "screen" ? participant.screen : participant.stream;
    /** @type {Subscription} */
    const subscription = { key: keyOf(track), media, track, participant, stream, shown: false };
    this.#subscribed.set(track.id, subscription);
    // What the link beside shows goes on until ours is there: see `show`.
    if (!this.#beside || this.#beside.#shown(subscription.key).length === 0) this.#show(subscription);
  }

  /** @param {string} key */
  #shown(key) {
    return [...this.#subscribed.values()].filter((subscription) => subscription.shown && subscription.key === key);
  }

  /** @param {Subscription} subscription */
  #show(subscription) {
    const { key, media, stream } = subscription;
    const { participant, track } = this.#room?.find(subscription.track.id) ?? subscription;
    subscription.shown = true;
    stream.addTrack(media); // before the other goes: an empty stream ends in the elements that play it
    this.#hooks.track({ participant, track, stream, media });
    const beside = this.#beside;
    if (beside) for (const other of beside.#shown(key)) beside.#hide(other);
  }

  /** @param {Subscription} subscription */
  #hide(subscription) {
    const { media, track, participant, stream } = subscription;
    subscription.shown = false;
    stream.removeTrack(media);
    this.#hooks.trackEnded({ participant: this.#room?.others.get(participant.id) ?? null, trackId: track.id, media });
  }

  /** @param {Peer} peer @param {string} id */
  #release(peer, id) {
    const subscription = this.#subscribed.get(id);
    this.#subscribed.delete(id);
    peer.unsubscribe(id);
    if (!subscription?.shown) return;
    this.#beside?.show(new Set([subscription.key])); // its publisher has moved on before us
    this.#hide(subscription);
  }
}

/** One source of one person: the same on every node. @param {import("./types.js").TrackInfo} track */
export function keyOf({ participant, source }) {
  return `${participant} ${source}`;
}
