/**
 * One visit to a room, from joining to its end, over one node after the other: what the client's face shows and acts upon.
 * `link` is the connection in use; while the room moves, or a lost one is looked for, there are more. No DOM.
 */

import { fromBase64url } from "./base64url.js";
import { TeleconsultError, codeOf, isFinal } from "./errors.js";
import { handOver } from "./handover.js";
import { Joining, MAX_HOPS, movedTo } from "./joining.js";
import { Link } from "./link.js";
import { isNews } from "./news.js";
import { Sampler } from "./sampling.js";
import { Search } from "./search.js";

/** @typedef {import("../client.js").ClientOptions} ClientOptions */
/** @typedef {import("./client_events.js").ClientEventMap} ClientEventMap */
/** @typedef {import("./client_events.js").ClientState} ClientState */
/** @typedef {import("./publication.js").Publication} Publication */
/** @typedef {import("./types.js").Ticket} Ticket */
/** @typedef {<K extends keyof ClientEventMap>(type: K, detail: ClientEventMap[K]) => void} Tell */

const VERSION = "0.1.0";
const MOVE_PATIENCE_MS = 8_000;
/** We have all of the others on the next node; they may need a moment longer to have ours. */
const LINGER_MS = 1_000;
const DEFAULTS = { autoSubscribe: true, joinPatienceMs: 12_000, rejoinPatienceMs: 120_000, statsIntervalMs: 2_500 };

export class Visit {
  #options;
  #tell;
  #sampler;
  /** @type {ClientState} */
  state = "idle";
  /** @type {"connecting" | "connected" | "interrupted" | null} */
  media = null;
  /** The one in use. @type {Link | null} */
  link = null;
  /** That one, and any that is being made to take its place. @type {Set<Link>} */
  links = new Set();
  /** @type {Set<Publication>} */
  publications = new Set();
  #changePending = false;
  /** @type {Joining | null} */
  #joining = null;
  /** A move to another node under way: whether it worked. @type {Promise<boolean> | null} */
  #moving = null;
  /** Until the node is left that the room moved from. @type {ReturnType<typeof setTimeout> | undefined} */
  #lingering;
  /** Consents refused or taken back in this visit, by kind, as they were said. @type {Map<string, Record<string, unknown>>} */
  noes = new Map();
  /** Whether the lost room was found elsewhere. @type {Promise<boolean> | null} */
  #seeking = null;
  /** @type {Search | null} */
  #search = null;
  /** The node of this visit, to tell another by; null before there is one. @type {string | null} */
  #url = null;
  /** How large pictures need to be, where that was said. @type {Map<string, number>} */
  preferred = new Map();
  /** Whether sound and picture ever got through in this visit. */
  #everFlowed = false;
  /** @type {Promise<unknown> | undefined} */
  #closing;
  #onNetwork = () => this.#networkChanged();

  /** @param {ClientOptions} options @param {Tell} tell  the embedder */
  constructor(options, tell) {
    this.#options = { ...DEFAULTS, ...options };
    this.#tell = tell;
    this.#sampler = new Sampler(() => this.link, (summary) => {
      if (this.media !== "connected") summary.rating = "lost";
      this.#tell("stats", summary);
    });
  }

  /** As the client's. */
  async join() {
    if (this.state !== "idle" && this.state !== "ended") throw new TeleconsultError("already-joined");
    this.#everFlowed = false;
    this.#url = null;
    this.preferred.clear();
    this.noes.clear();
    this.#setState("connecting");
    if (!globalThis.RTCPeerConnection) {
      this.end("unsupported-browser");
      throw new TeleconsultError("unsupported-browser");
    }
    this.#listenToNetwork(true);
    await this.#connect("join", this.#options.joinPatienceMs);
    this.#sampler.start(this.#options.statsIntervalMs);
  }

  async leave() {
    this.end("left");
    await this.#closing;
  }

  /** Figures of now. */
  getStats() {
    return this.#sampler.now();
  }

  /** When it rejects the visit is over. @param {"join" | "rejoin"} why @param {number} patienceMs */
  async #connect(why, patienceMs) {
    const joining = new Joining(async () => this.#options.getTicket(why), (ticket) => this.#open(ticket));
    this.#joining = joining;
    try {
      await joining.run(patienceMs);
    } catch (error) {
      if (!joining.cancelled) this.end(codeOf(error)); // else it has ended, and another visit may have begun
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
    if (!this.links.has(link)) throw new TeleconsultError("left"); // dropped meanwhile
    this.#repeatNoes(link);
    return link;
  }

  /** @param {Link} link  joined */
  #use(link) {
    const moved = this.#url !== null && this.#url !== link.url;
    this.link = link;
    this.#url = link.url;
    this.#sampler.forget();
    this.#search?.stop();
    this.media = link.peer?.connection.connectionState === "connected" ? "connected" : null;
    if (this.media) this.#everFlowed = true;
    this.#setState("connected");
    if (!link.online) this.#onlineChanged(link, false);
    if (moved) this.#tell("moved", { url: link.url });
    this.changed();
  }

  /** @param {Link} link @param {boolean} [sayGoodbye] */
  async #drop(link, sayGoodbye) {
    this.links.delete(link);
    await link.close(sayGoodbye);
  }

  /** @param {string} url */
  #makeLink(url) {
    const { autoSubscribe = true, rtcConfiguration = {}, WebSocket: WebSocketClass } = this.#options;
    const client = this.#options.client ?? { name: "teleconsult-web", version: VERSION, platform: platform() };
    /** @type {Link} */
    const link = new Link(url, {
      autoSubscribe, rtcConfiguration, client, WebSocket: WebSocketClass,
      inherited: autoSubscribe ? [] : (this.link?.subscriptions ?? []), preferred: this.preferred,
    }, {
      event: (event) => this.#event(link, event),
      changed: () => this.#isPresent(link) && this.changed(),
      online: (online) => link === this.link && this.#onlineChanged(link, online),
      media: (state) => link === this.link && this.#mediaChanged(state),
      track: (detail) => this.#tell("track", detail),
      trackEnded: (detail) => this.#tell("track-ended", detail),
      published: (publication, error) => {
        publication.settle(error);
        if (error) this.publications.delete(publication);
        if (error) this.#tell("problem", { code: error.code, source: publication.source });
        this.changed();
      },
      lost: (code) => link === this.link && void this.#lost(link, code),
      problem: (error) => this.#tell("problem", { code: codeOf(error) }),
    }, this.publications);
    this.links.add(link);
    return link;
  }

  /** @param {Link} link @param {import("./types.js").Message} event */
  #event(link, event) {
    const newer = link === this.link || this.#moving !== null;
    if (!this.#isPresent(link) || !isNews(event, link === this.link, newer, link.beside?.room ?? null)) return;
    if (event.type === "moved") {
      this.#moving ??= this.#move(link, { ticket: event.ticket, url: event.url });
      return;
    }
    const detail = event.type === "relay" ? { ...event, body: fromBase64url(event.body) } : event;
    this.#tell(/** @type {keyof ClientEventMap} */ (event.type), /** @type {any} */ (detail));
    if (event.type === "room-ended") this.end("room-ended", event.reason ?? null);
  }

  /** Whether it carries this visit: it is in use, or beside the one that is. @param {Link} link */
  #isPresent(link) {
    return this.link !== null && (link === this.link || link === this.link.beside);
  }

  /** The one in use before one beside it. @param {(room: import("./room.js").Room) => unknown} knows */
  linkWith(knows) {
    return [this.link, this.link?.beside].find((link) => link?.room && link.online && knows(link.room)) ?? null;
  }

  /** @param {Link} link  in use @param {boolean} online */
  #onlineChanged(link, online) {
    if (this.state === "connecting") return;
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
    for (let ticket = await search.next(); ticket && link === this.link; ticket = await search.next()) {
      if (this.#moving || link.online) continue; // one way at a time
      try {
        await this.#open(ticket, () => link === this.link && !link.online);
        void this.#drop(link, false);
        return true;
      } catch (error) {
        if (isFinal(codeOf(error))) this.end(codeOf(error)); // by the node that has the room
      }
    }
    return false;
  }

  /** @param {"connecting" | "connected" | "interrupted"} state */
  #mediaChanged(state) {
    this.media = state;
    if (state === "connected") this.#everFlowed = true;
    this.#tell("media", { state });
    this.changed();
  }

  /** A link is gone for good: end, or join afresh. @param {Link} link @param {string} code */
  async #lost(link, code) {
    if (this.state === "ended") return;
    const ourMove = code === "replaced" && this.#moving !== null; // the new connection is the newer one
    if (!ourMove && (isFinal(code) || (code === "media-failed" && !this.#everFlowed))) return this.end(code);
    this.#search?.stop();
    // A moment later the next link takes over.
    if (!link.beside?.peer?.flows) this.#setState("reconnecting", code);
    const elsewhere = (await this.#moving) || (await this.#seeking);
    void this.#drop(link, code === "media-failed");
    if (elsewhere || link !== this.link) return; // moved, found, or ended, meanwhile
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
      if (this.link !== old) throw new TeleconsultError("left");
    } catch {
      if (this.state === "ended") return false;
      old.show();
      if (next) this.#leave(next);
      if (this.state === "moving") this.#setState("connected");
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
        if (!further || this.link !== old) throw error;
        target = further;
      }
    }
  }

  /** Leave a node whose people are on another. @param {Link} link */
  #leave(link) {
    link.stepAside();
    void this.#drop(link);
    this.changed();
  }

  /** @param {Publication} publication */
  async tellMuted(publication) {
    this.changed();
    await Promise.all([...this.links].map((link) => link.tellMuted(publication).catch((error) => {
      if (this.#isPresent(link)) this.#tell("problem", { code: codeOf(error) });
    })));
  }

  /** The links that are in the room, the latest first. */
  joined() {
    return [...this.links].reverse().filter((link) => link.room && link.online);
  }

  /**
   * What decides about the room is for the node that has it: while it moves, for the next one.
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   */
  decide(type, fields) {
    const link = this.joined()[0] ?? this.link;
    return link ? link.request(type, fields) : Promise.reject(new TeleconsultError("not-joined"));
  }

  /** A node may not have heard of a consent taken back: it was said while the room moved. @param {Link} link */
  #repeatNoes(link) {
    const { room } = link;
    for (const said of this.noes.values()) {
      if (room?.info.recording.granted.includes(room.self.id)) {
        void link.request("consent", said).catch((error) => this.#tell("problem", { code: codeOf(error) }));
      }
    }
  }

  /** @param {string} type @param {Record<string, unknown>} [fields] */
  request(type, fields) {
    if (!this.link) return Promise.reject(new TeleconsultError("not-joined"));
    return this.link.request(type, fields);
  }

  #networkChanged() {
    this.#joining?.nudge();
    this.#search?.nudge();
    this.link?.networkChanged();
    this.link?.beside?.networkChanged();
  }

  /** @param {boolean} listen */
  #listenToNetwork(listen) {
    const verb = listen ? "addEventListener" : "removeEventListener";
    globalThis[verb]("online", this.#onNetwork);
    /** @type {any} */ (globalThis.navigator)?.connection?.[verb]?.("change", this.#onNetwork);
  }

  /** @param {string} code @param {string | null} [reason] */
  end(code, reason = null) {
    if (this.state === "ended") return;
    this.#sampler.stop();
    clearTimeout(this.#lingering);
    this.#listenToNetwork(false);
    const links = [...this.links];
    this.link = null;
    this.media = null;
    this.#setState("ended", code, reason);
    this.#joining?.cancel();
    this.#search?.stop();
    this.#closing = Promise.all(links.map((link) => this.#drop(link, code === "left" || code === "media-failed")));
    for (const publication of this.publications) publication.settle(new TeleconsultError(code));
    this.publications.clear();
  }

  /** @param {ClientState} state @param {string | null} [code] @param {string | null} [reason] */
  #setState(state, code = null, reason = null) {
    if (this.state === state) return;
    this.state = state;
    this.#tell("state", { state, code, reason });
    this.changed();
  }

  changed() {
    if (this.#changePending) return;
    this.#changePending = true;
    queueMicrotask(() => {
      this.#changePending = false;
      this.#tell("change", null);
    });
  }
}

/** No fingerprint: just enough to read a server's statistics by browser family. */
function platform() {
  const agent = globalThis.navigator?.userAgent ?? "";
  return ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name))?.replace("Edg", "Edge") ?? "other";
}
