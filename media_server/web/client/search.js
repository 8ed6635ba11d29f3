/**
 * Looking for the room elsewhere while a lost session is being resumed, for its node may be dead: asks for tickets
 * until one names another node. Knows neither sockets nor media.
 */

import { socketUrl } from "./socket.js";

/** @typedef {import("./types.js").Ticket} Ticket */

/** A socket that merely broke is back by then. */
const FIRST_MS = 1_000;
/** The others need a few seconds to notice that a node is dead: no answer may be late by much more than this. */
const BRISK_MS = 500;
const BRISK_UNTIL_MS = 6_000;
/** Whoever hands out tickets may be waiting for the dead node itself. */
const ASK_PATIENCE_MS = 3_000;

/**
 * How long to wait before asking (again). Pure: chance arrives as an argument.
 * @param {number} elapsedMs  since the loss
 * @param {number} [chance]  0..1
 * @returns {number} milliseconds
 */
export function searchPauseMs(elapsedMs, chance = Math.random()) {
  const pauseMs = elapsedMs < BRISK_UNTIL_MS ? BRISK_MS : elapsedMs / 4;
  return Math.max(FIRST_MS - elapsedMs, pauseMs) * (0.8 + chance * 0.4);
}

export class Search {
  #getTicket;
  #lostUrl;
  #began = Date.now();
  #over = false;
  /** Ends the pause, or the wait for a ticket. @type {() => void} */
  #wake = () => {};

  /**
   * @param {() => Promise<Ticket>} getTicket
   * @param {string} lostUrl  of the node whose socket is lost
   */
  constructor(getTicket, lostUrl) {
    this.#getTicket = getTicket;
    this.#lostUrl = socketUrl(lostUrl);
  }

  /** The next ticket that names another node; null once stopped. @returns {Promise<Ticket | null>} */
  async next() {
    while (!this.#over) {
      await this.#unlessWoken(searchPauseMs(Date.now() - this.#began), new Promise(() => {}));
      if (this.#over) return null;
      // No answer, and even a refusal for good, say nothing about the session that is being resumed meanwhile.
      const ticket = await this.#unlessWoken(ASK_PATIENCE_MS, this.#getTicket().catch(() => null));
      if (ticket && !this.#over && socketUrl(ticket.url) !== this.#lostUrl) return ticket;
    }
    return null;
  }

  /** Ask now, for example because the network came back. */
  nudge() {
    this.#wake();
  }

  /** Ask no more; idempotent. */
  stop() {
    this.#over = true;
    this.#wake();
  }

  /**
   * @template T
   * @param {number} patienceMs
   * @param {Promise<T | null>} outcome
   * @returns {Promise<T | null>} null when it did not come in time
   */
  #unlessWoken(patienceMs, outcome) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), patienceMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(null);
      };
      void outcome.then((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }
}
