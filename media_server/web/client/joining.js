/** Joining with patience: fresh tickets, a back-off between tries, the way to another node. Knows no media. */

import { backoffMs } from "./backoff.js";
import { TeleconsultError, codeOf, isFinal } from "./errors.js";

/** @typedef {import("./types.js").Ticket} Ticket */

export const MAX_HOPS = 3;

export class Joining {
  #getTicket;
  #open;
  #cancelled = false;
  /** Wakes the pause between two tries. @type {() => void} */
  #wake = () => {};
  /** Ends the wait for a ticket. @type {() => void} */
  #giveUp = () => {};

  /**
   * @param {() => Promise<Ticket>} getTicket
   * @param {(ticket: Ticket) => Promise<void>} open  joins with it, or rejects with a TeleconsultError
   */
  constructor(getTicket, open) {
    this.#getTicket = getTicket;
    this.#open = open;
  }

  /** Try until it works, is refused for good, or patience is over. @param {number} patienceMs */
  async run(patienceMs) {
    const deadline = Date.now() + patienceMs;
    let refusals = 0;
    let hops = 0;
    /** @type {Ticket | null} */
    let carried = null;
    for (let attempt = 0; ; attempt++) {
      await this.#pause(backoffMs(attempt));
      /** @type {Ticket | null} */
      let ticket = carried;
      carried = null;
      try {
        if (this.#cancelled) throw new TeleconsultError("left");
        ticket ??= await this.#ticketBefore(deadline);
        if (this.#cancelled) throw new TeleconsultError("left");
        return await this.#open(ticket);
      } catch (error) {
        const code = codeOf(error);
        if (this.#cancelled || isFinal(code) || (code === "ticket-refused" && ++refusals > 1)) throw error;
        if (Date.now() >= deadline) throw code === "unknown" ? new TeleconsultError("unreachable", String(error)) : error;
        carried = code === "moved" && hops++ < MAX_HOPS ? movedTo(error, ticket) : null;
        if (carried) attempt = -1; // we were told where to go: no reason to wait
      }
    }
  }

  /** Try again now, for example because the network came back. */
  nudge() {
    this.#wake();
  }

  cancel() {
    this.#cancelled = true;
    this.#wake();
    this.#giveUp();
  }

  get cancelled() {
    return this.#cancelled;
  }

  /** Whoever hands out tickets may never answer. @param {number} deadline  ms since the epoch @returns {Promise<Ticket>} */
  #ticketBefore(deadline) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new TeleconsultError("unreachable", "no ticket in time")), deadline - Date.now());
      this.#giveUp = () => reject(new TeleconsultError("left"));
      this.#getTicket().then(resolve, reject).finally(() => clearTimeout(timer));
    });
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
}

/**
 * The same ticket at the node that the refusal names: a node that does not own the room leaves the ticket unused.
 * @param {unknown} error @param {Ticket | null} ticket @returns {Ticket | null}
 */
export function movedTo(error, ticket) {
  const reply = error instanceof Error ? /** @type {any} */ (error.cause) : null;
  return reply?.url && ticket ? { ticket: reply.ticket ?? ticket.ticket, url: reply.url } : null;
}
