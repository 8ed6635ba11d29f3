/** Where the pages get their right to join: the walk-in entrance. No token ever appears in an address. */

import { TeleconsultError } from "../client.js";

/** @typedef {import("../client.js").Ticket} Ticket */

/** What an HTTP status of the entrance means to the client. @type {Record<number, string>} */
const CODES = {
  400: "bad-message", 401: "not-allowed", 403: "not-allowed", 404: "no-entrance", 405: "no-entrance",
  409: "room-ended", 410: "room-ended", 422: "bad-message", 429: "too-many-requests", 503: "draining",
};

const PATIENCE_MS = 8_000;

/** What makes the next ticket one for the same participant; forgotten with the page. @type {string | undefined} */
let reentry;

/**
 * Ask for a ticket. Rejects with a TeleconsultError; `unreachable` when no answer came.
 * @param {"join" | "rejoin"} why  whoever rejoins takes the place again that the others still see
 * @param {string} role
 * @param {string} name  as typed, may be empty
 * @param {string | null} room
 * @returns {Promise<Ticket>}
 */
export async function walkInTicket(why, role, name, room) {
  const again = why === "rejoin" && reentry ? { reentry } : {};
  const body = JSON.stringify({ role, ...(name ? { name } : {}), ...(room ? { room } : {}), ...again });
  let response;
  try {
    response = await fetch("/v1/walk-in/ticket", {
      method: "POST", body, headers: { "content-type": "application/json" }, credentials: "same-origin", cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new TeleconsultError("unreachable");
  }
  if (!response.ok) throw new TeleconsultError(CODES[response.status] ?? "unreachable");
  const ticket = await response.json(); // cut off midway it rejects with an error of its own: "try again"
  ({ reentry } = ticket);
  return ticket;
}
