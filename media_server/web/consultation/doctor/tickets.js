/** The right to join the room of a consultation, as the media client wants it. No token ever appears in an address. */

import { TeleconsultError } from "../../client.js";
import { ApiError } from "../api.js";

/** Codes that the visit should not be tried again with, as the client calls them. @type {Record<string, string>} */
const CODES = {
  "not-logged-in": "not-allowed", "forbidden": "not-allowed", "not-found": "no-such-room", "gone": "room-ended",
  "state": "room-ended", "too-many-requests": "too-many-requests",
};

/**
 * Rejects with a TeleconsultError, which ends the visit, or with what means "try again".
 * @param {import("../api.js").Api} api
 * @param {string | null} consultation
 * @returns {Promise<import("../types.js").Ticket>}
 */
export async function ticketFor(api, consultation) {
  if (consultation === null) throw new TeleconsultError("no-such-room");
  try {
    return await api.ticket(consultation);
  } catch (error) {
    const code = error instanceof ApiError ? CODES[error.code] : undefined;
    throw code ? new TeleconsultError(code) : error;
  }
}
