/** One signalling session: it outlives its WebSocket by resuming (PROTOCOL.md, resume). Knows no media. */

import { backoffMs } from "./backoff.js";
import { ConnectionClosed, TeleconsultError, afterClose, codeOf, isFinal } from "./errors.js";
import { Socket } from "./socket.js";

/** @typedef {import("./types.js").Joined} Joined */
/** @typedef {import("./types.js").Message} Message */

/**
 * @typedef {object} SessionEvents
 * @property {(event: Message) => void} event       a server event, each exactly once and in order
 * @property {() => void} interrupted               the socket is gone; resuming has begun
 * @property {(joined: Joined) => void} joined      joined or resumed: the room as it is now, before any later event
 * @property {(code: string) => void} lost          over: `resume-expired`, or a close code's meaning
 */

/** Slightly longer than any pause a phone makes between two base stations, far shorter than TCP's own patience. */
const PROBE_TIMEOUT_MS = 4_000;
/** Refusals that may not come again, but after which it takes a ticket. */
const RESUME_NO_MORE = new Set(["resume-expired", "draining", "ticket-refused", "moved"]);

export class Session {
  /** @type {Socket | null} */
  #socket = null;
  /** A socket over which we asked to be let in, while the answer is out. @type {Socket | null} */
  #entering = null;
  #url;
  #events;
  #WebSocketClass;
  #resumeToken = "";
  #windowMs = 30_000;
  #lastSeq = 0;
  #over = false;
  /** Wakes the pause between two attempts. @type {() => void} */
  #wake = () => {};

  /**
   * @param {string} url
   * @param {SessionEvents} events
   * @param {typeof WebSocket} [WebSocketClass]
   */
  constructor(url, events, WebSocketClass) {
    this.#url = url;
    this.#events = events;
    this.#WebSocketClass = WebSocketClass;
  }

  get url() {
    return this.#url;
  }

  get online() {
    return this.#socket !== null;
  }

  /** Lost for good, or closed. */
  get over() {
    return this.#over;
  }

  /**
   * Open the socket and join. Rejects with the refusal's code; the session is over then.
   * @param {string} ticket
   * @param {Record<string, unknown>} client  name, version, platform
   * @returns {Promise<Joined>}
   */
  async join(ticket, client) {
    try {
      return await this.#enter("join", { ticket, client });
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }

  /**
   * A request over the present socket. Rejects with `connection-lost` when there is none.
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   * @param {number} [timeoutMs]
   * @returns {Promise<Message>}
   */
  request(type, fields, timeoutMs) {
    if (!this.#socket) return Promise.reject(new ConnectionClosed(1006));
    return this.#socket.request(type, fields, timeoutMs);
  }

  /**
   * Send a request whose silence means a dead path, such as the statistics: a socket on a network that went away can
   * look open for minutes.
   * @param {string} type
   * @param {Record<string, unknown>} fields
   */
  async probe(type, fields) {
    const socket = this.#socket;
    if (!socket) return this.nudge();
    try {
      await socket.request(type, fields, PROBE_TIMEOUT_MS);
    } catch (error) {
      if (codeOf(error) === "timeout") socket.abandon(); // any other refusal came from a living server
    }
  }

  /** Try again now, for example because the network came back. */
  nudge() {
    this.#wake();
  }

  /** Leave politely if possible; idempotent. @param {boolean} [sayGoodbye] */
  async close(sayGoodbye = true) {
    if (this.#over) return;
    this.#over = true;
    this.#wake();
    // Whoever leaves while entering may be in the room by now: the goodbye follows the request on its heels.
    const socket = this.#socket ?? this.#entering;
    this.#socket = null;
    if (!socket) return;
    socket.onclose = () => {};
    if (sayGoodbye) await socket.request("leave", {}, 1_000).catch(() => {});
    socket.close();
  }

  /**
   * Open a socket, ask to be let in and take the place. Leaves no socket open when it rejects.
   * @param {"join" | "resume"} type
   * @param {Record<string, unknown>} fields
   * @returns {Promise<Joined>}
   */
  async #enter(type, fields) {
    const socket = await Socket.open(this.#url, this.#WebSocketClass);
    if (this.#over) {
      socket.close();
      throw new TeleconsultError("left");
    }
    this.#entering = socket;
    const early = this.#collect(socket);
    try {
      const joined = /** @type {Joined & Message} */ (await socket.request(type, fields));
      if (this.#over) throw new TeleconsultError("left"); // `close` says goodbye and closes the socket
      this.#adopt(socket, joined, early);
      return joined;
    } catch (error) {
      if (this.#over) throw new TeleconsultError("left");
      if (codeOf(error) === "timeout") void socket.request("leave").catch(() => {}); // it may have let us in unheard
      socket.close();
      throw error;
    } finally {
      this.#entering = null;
    }
  }

  /** Events may overtake the reply's continuation; keep them until the reply is understood. @param {Socket} socket */
  #collect(socket) {
    /** @type {Message[]} */
    const early = [];
    socket.onevent = (event) => early.push(event);
    return early;
  }

  /**
   * @param {Socket} socket
   * @param {Joined} joined
   * @param {Message[]} early
   */
  #adopt(socket, joined, early) {
    this.#socket = socket;
    this.#resumeToken = joined.resume_token;
    this.#windowMs = (joined.resume_window_s ?? 30) * 1000;
    socket.onclose = (closeCode) => this.#lose(closeCode);
    socket.onevent = (event) => this.#deliver(event);
    this.#events.joined(joined);
    early.forEach((event) => this.#deliver(event));
  }

  /** @param {Message} event */
  #deliver(event) {
    const seq = event.seq ?? 0;
    if (this.#over || seq <= this.#lastSeq) return; // a resume may repeat what we already had
    this.#lastSeq = seq;
    this.#events.event(event);
  }

  /** @param {number} closeCode */
  #lose(closeCode) {
    this.#socket = null;
    if (this.#over) return;
    const { code, then } = afterClose(closeCode);
    if (then === "resume") {
      this.#events.interrupted();
      void this.#resume(code === "too-many-requests" ? 3 : 0);
    } else {
      this.#finish(code);
    }
  }

  /** @param {number} attempt  where in the back-off to begin */
  async #resume(attempt) {
    const deadline = Date.now() + this.#windowMs;
    while (!this.#over) {
      await this.#pause(backoffMs(attempt++));
      if (this.#over) return;
      if (Date.now() > deadline) return this.#finish("resume-expired");
      try {
        return void await this.#enter("resume", { resume_token: this.#resumeToken, last_seq: this.#lastSeq });
      } catch (error) {
        const code = codeOf(error);
        if (RESUME_NO_MORE.has(code) || isFinal(code)) return this.#finish(code);
      }
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /** @param {string} code */
  #finish(code) {
    if (this.#over) return;
    this.#over = true;
    this.#events.lost(code);
  }
}
