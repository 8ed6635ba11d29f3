/**
 * One stay in one room on one node: a session, its peer connection and its picture of the room, kept in step. When it
 * is lost for good, the client makes another.
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
  /** Ids of subscribed tracks → media track, participant. @type {Map<string, {media: MediaStreamTrack, participant: string}>} */
  #subscribed = new Map();
  /** The joined state that the present connection was made from. @type {Joined | null} */
  #joinedState = null;
  /** Connections made in a row that never worked. */
  #failures = 0;
  #everFlowed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #newPeerTimer;
  /** Told once sound and picture flow, or with the reason why they never will. @type {(error?: Error) => void} */
  #settleFlow = () => {};
  /** Tracks the server would not give us, so that we don't ask for ever. @type {Set<string>} */
  #refused = new Set();
  /** Tracks the embedder asked for itself. @type {Set<string>} */
  #wanted = new Set();
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
  async tellMuted({ id, muted }) {
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
    else this.#room = new Room(joined);
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
    if (state !== "failed") return this.#hooks.media(state);
    this.#hooks.media("interrupted");
    if (++this.#failures > (this.#everFlowed ? MAX_FAILURES : MAX_FIRST_FAILURES)) return this.#lost("media-failed");
    this.#newPeerTimer = setTimeout(() => this.#newPeer(), backoffMs(this.#failures - 1));
    return undefined;
  }

  /** @param {string} code */
  #lost(code) {
    this.#settleFlow(new TeleconsultError(code));
    this.#hooks.lost(code);
  }

  /** @param {Publication} publication @param {boolean} muted  as the server has it */
  #published(publication, muted) {
    const { id, kind, source } = publication;
    if (id) this.#room?.published({ id, kind, source, muted });
    this.#tellIfMutedSince();
    this.#hooks.published(publication);
  }

  /** What was muted or unmuted while nobody could be told. */
  #tellIfMutedSince() {
    for (const publication of this.#publications) {
      const told = this.#room?.self.tracks.get(publication.id ?? "");
      if (told && told.muted !== publication.muted) void this.tellMuted(publication).catch(this.#hooks.problem);
    }
  }

  /** @param {Joined} joined */
  #makePeer(joined) {
    const configuration = { iceServers: joined.ice_servers ?? [], ...this.#options.rtcConfiguration };
    return new Peer(configuration, {
      offer: async (sdp, tracks) => {
        const reply = await this.#session.request("offer", { sdp, tracks });
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
      const wanted = this.#options.autoSubscribe || this.#wanted.has(id);
      if (!wanted || this.#refused.has(id) || this.#subscribed.has(id)) continue;
      const media = peer.subscribe(id, track.kind);
      this.#subscribed.set(id, { media, participant: track.participant });
      this.#attach(room, track, media);
    }
    for (const id of this.#subscribed.keys()) {
      const kept = offered.has(id) && !this.#refused.has(id) && (this.#options.autoSubscribe || this.#wanted.has(id));
      if (!kept) this.#release(peer, id);
    }
  }

  /**
   * @param {Room} room
   * @param {import("./types.js").TrackInfo} track
   * @param {MediaStreamTrack} media
   */
  #attach(room, track, media) {
    const participant = room.others.get(track.participant);
    if (!participant) return;
    const stream = track.source === "screen" ? participant.screen : participant.stream;
    stream.addTrack(media);
    this.#hooks.track({ participant, track, stream, media });
  }

  /** @param {Peer} peer @param {string} id */
  #release(peer, id) {
    const subscribed = this.#subscribed.get(id);
    this.#subscribed.delete(id);
    peer.unsubscribe(id);
    if (!subscribed) return;
    const { media, participant: participantId } = subscribed;
    const participant = this.#room?.others.get(participantId);
    participant?.stream.removeTrack(media);
    participant?.screen.removeTrack(media);
    this.#hooks.trackEnded({ participant: participant ?? null, trackId: id, media });
  }
}
