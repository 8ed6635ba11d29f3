/** How a connection does, at a steady pace: every figure is of the time since the sample before. No DOM. */

import { summarise, totals } from "./statistics.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./types.js").StatsSummary} StatsSummary */

export class Sampler {
  #current;
  #tell;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {import("./statistics.js").Totals | null} */
  #last = null;
  #ticks = 0;

  /** @param {() => Link | null} current  the link in use @param {(summary: StatsSummary) => void} tell */
  constructor(current, tell) {
    this.#current = current;
    this.#tell = tell;
  }

  /** @param {number | undefined} intervalMs */
  start(intervalMs) {
    this.#timer = setInterval(() => void this.#sample(), intervalMs);
  }

  stop() {
    clearInterval(this.#timer);
    this.forget();
  }

  /** What was is of another connection. */
  forget() {
    this.#last = null;
  }

  /** @returns {Promise<StatsSummary | null>} since the last sample; null while there is no connection */
  async now() {
    const pc = this.#current()?.peer?.connection;
    if (!pc || pc.connectionState === "closed") return null;
    const now = totals(await pc.getStats(), performance.now());
    return summarise(this.#last ?? { ...now, at: now.at - 1000 }, now);
  }

  async #sample() {
    const link = this.#current();
    const pc = link?.peer?.connection;
    if (!pc || !link || pc.connectionState === "closed") return;
    const now = totals(await pc.getStats(), performance.now());
    if (link !== this.#current()) return;
    const summary = this.#last ? summarise(this.#last, now) : null;
    this.#last = now;
    if (!summary) return;
    this.#tell(summary);
    if (++this.#ticks % 2 === 0) {
      await link.reportStats({ uplink: summary.uplink, downlink: summary.downlink });
    }
  }
}
