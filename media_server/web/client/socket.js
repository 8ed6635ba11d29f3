/** One signalling WebSocket, JSON sub-protocol: requests with their replies, events, and the end. Never reconnects. */

import { ConnectionClosed, TeleconsultError, afterClose } from "./errors.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {{resolve: (reply: Message) => void, reject: (error: Error) => void, timer: ReturnType<typeof setTimeout>}} Pending */

export const SUBPROTOCOL = "teleconsult.v1.json";
const OPEN_TIMEOUT_MS = 8_000;
const REPLY_TIMEOUT_MS = 10_000;

/**
 * @param {string} url  absolute or relative to the page, http(s) or ws(s)
 * @param {string} [base]
 * @returns {string} the same as ws(s)
 */
export function socketUrl(url, base = globalThis.location?.href) {
  const absolute = new URL(url, base);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  return absolute.href;
}

export class Socket {
  #socket;
  #nextId = 1;
  #closed = false;
  /** @type {Map<number, Pending>} */
  #pending = new Map();

  /** Called for each server event, in order. @type {(event: Message) => void} */
  onevent = () => {};
  /** Called once, when the socket is gone for whatever reason but our own `close`. @type {(closeCode: number) => void} */
  onclose = () => {};

  /** @param {WebSocket} socket  open */
  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#end(code);
    socket.onerror = null; // a close always follows, and says more
  }

  /**
   * Connect. Rejects with `unreachable`, or with the code of the close if the server gave a reason.
   * @param {string} url
   * @param {typeof WebSocket} [WebSocketClass]
   * @returns {Promise<Socket>}
   */
  static open(url, WebSocketClass = globalThis.WebSocket) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocketClass(socketUrl(url), SUBPROTOCOL);
      const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new Socket(socket));
      };
      socket.onclose = ({ code }) => {
        clearTimeout(timer);
        const known = afterClose(code).code;
        reject(new TeleconsultError(known === "connection-lost" ? "unreachable" : known));
      };
    });
  }

  get closed() {
    return this.#closed;
  }

  /**
   * Send a request and wait for its `ok`. Rejects with the code of the server's `error` reply (its fields are the
   * error's `cause`), with the close code's meaning when the socket goes first, or with `timeout`.
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   * @param {number} [timeoutMs]
   * @returns {Promise<Message>}
   */
  request(type, fields = {}, timeoutMs = REPLY_TIMEOUT_MS) {
    if (this.#closed) return Promise.reject(new ConnectionClosed(1006));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new TeleconsultError("timeout", type));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  /** Close for good, quietly: `onclose` is not called. @param {number} [closeCode] */
  close(closeCode = 1000) {
    this.onclose = () => {};
    this.#socket.onclose = null;
    this.#socket.close(closeCode);
    this.#end(closeCode);
  }

  /** Give up a socket that stopped answering; unlike `close`, the owner hears of it. */
  abandon() {
    this.#socket.onclose = null;
    this.#socket.close();
    this.#end(1006);
  }

  /** @param {unknown} data */
  #receive(data) {
    /** @type {Message} */
    let message;
    try {
      message = JSON.parse(String(data));
    } catch {
      return; // the contract has text maps only; one broken message is no reason to drop a medical call
    }
    // Only by type: events may carry an `id` of their own, such as that of a participant who left.
    if (message.type === "ok" || message.type === "error") this.#settle(message);
    else if (message.seq !== undefined) this.onevent(message);
  }

  /** @param {Message} reply */
  #settle(reply) {
    const pending = this.#pending.get(reply.id);
    if (!pending) return; // too late, or an error about something that had no id
    this.#pending.delete(reply.id);
    clearTimeout(pending.timer);
    if (reply.type === "ok") pending.resolve(reply);
    else pending.reject(refusal(reply));
  }

  /** @param {number} closeCode */
  #end(closeCode) {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.onmessage = null;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new ConnectionClosed(closeCode));
    }
    this.#pending.clear();
    this.onclose(closeCode);
  }
}

/** @param {Message} reply  an `error` reply */
function refusal(reply) {
  const error = new TeleconsultError(reply.code ?? "unknown", reply.message);
  error.cause = reply;
  return error;
}
