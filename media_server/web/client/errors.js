/** What can go wrong between a client and its room, under stable codes. Knows no texts for people: see the page. */

/**
 * WebSocket close codes of the contract (PROTOCOL.md, close codes), and what a client does about each:
 * `resume` the session over a new socket, `rejoin` with a fresh ticket, or `end`.
 *
 * @type {Readonly<Record<number, {code: string, then: "resume" | "rejoin" | "end"}>>}
 */
export const closeCodes = Object.freeze({
  4400: { code: "bad-message", then: "end" },
  4401: { code: "ticket-refused", then: "rejoin" },
  4403: { code: "not-allowed", then: "end" },
  4404: { code: "no-such-room", then: "end" },
  4408: { code: "too-slow", then: "resume" },
  4409: { code: "replaced", then: "end" },
  4410: { code: "room-ended", then: "end" },
  4429: { code: "too-many-requests", then: "resume" },
  4503: { code: "draining", then: "rejoin" },
});

/**
 * What to do after a close code. Anything not in the contract (1000, 1001, 1006, 1011 …) is a lost connection.
 * @param {number} closeCode
 * @returns {{code: string, then: "resume" | "rejoin" | "end"}}
 */
export function afterClose(closeCode) {
  return closeCodes[closeCode] ?? { code: "connection-lost", then: "resume" };
}

export class TeleconsultError extends Error {
  /**
   * @param {string} code  one of the close codes above, a code of the server's `error` replies, or one of ours:
   *   `unreachable`, `connection-lost`, `timeout`, `resume-expired`, `media-failed`, `unsupported-browser`, `left`
   * @param {string} [message]  for developers, never for people
   */
  constructor(code, message) {
    super(message ? `${code}: ${message}` : code);
    this.name = "TeleconsultError";
    this.code = code;
  }
}

/** The socket went before the reply came: whether the server acted on the request is unknown. */
export class ConnectionClosed extends TeleconsultError {
  /** @param {number} closeCode */
  constructor(closeCode) {
    super(afterClose(closeCode).code, `socket closed, ${closeCode}`);
  }
}

/** Codes that may not come again. Any other says that trying is pointless, those an embedder makes up included. */
const PASSING = new Set([
  "connection-lost", "unreachable", "timeout", "timed-out", "draining", "too-many-requests", "too-slow", "try-again",
  "internal", "ticket-refused", "resume-expired", "media-failed", "moved", "unknown",
]);

/**
 * @param {string} code
 * @returns {boolean} whether the visit ends with it
 */
export function isFinal(code) {
  return !PASSING.has(code);
}

/**
 * @param {unknown} error
 * @returns {string} its stable code; `unknown` for what we did not raise ourselves
 */
export function codeOf(error) {
  return error instanceof TeleconsultError ? error.code : "unknown";
}
