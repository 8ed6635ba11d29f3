/**
 * What becomes of the report to the GP, after the call: nobody tells this page any more, so it asks, ever less often and only
 * while it is looked at. No text for people.
 */

import { ApiError } from "../api.js";

/** @typedef {import("../types.js").Consultation} Consultation */

const FIRST_MS = 3_000;
const SLOWER = 1.5;
const LONGEST_MS = 60_000;
const FINAL = new Set(["delivered", "cancelled"]);

export class ReportWatch {
  #api;
  #id;
  #changed;
  #state;
  #pause = FIRST_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #over = false;
  #looking = false;

  /**
   * @param {import("../api.js").Api} api
   * @param {Consultation} consultation
   * @param {(report: NonNullable<Consultation["report"]>) => void} changed
   */
  constructor(api, consultation, changed) {
    this.#api = api;
    this.#id = consultation.id;
    this.#state = consultation.report?.state ?? "none";
    this.#changed = changed;
    document.addEventListener("visibilitychange", this.#onSight);
    void this.#begin();
  }

  stop() {
    this.#over = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#onSight);
  }

  /** A report that nobody agreed to is not waited for. */
  async #begin() {
    if (this.#state === "none") {
      const consents = await this.#api.consents(this.#id).catch(() => null);
      const granted = consents?.some(({ kind, state }) => kind === "report_to_gp" && state === "granted");
      if (consents && !granted) return this.stop();
    }
    return this.#wait();
  }

  #wait() {
    clearTimeout(this.#timer);
    if (FINAL.has(this.#state)) return this.stop();
    if (this.#over || document.hidden) return undefined;
    this.#timer = setTimeout(() => void this.#look(), this.#pause);
    this.#pause = Math.min(LONGEST_MS, this.#pause * SLOWER);
    return undefined;
  }

  async #look() {
    if (this.#over || this.#looking) return;
    this.#looking = true;
    try {
      const { report } = await this.#api.consultation(this.#id);
      if (this.#over) return;
      if (report && report.state !== this.#state) {
        this.#state = report.state;
        this.#pause = FIRST_MS;
        this.#changed(report);
      }
    } catch (error) {
      // Deleted, or nobody is logged in any more; anything else passes.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) this.stop();
    } finally {
      this.#looking = false;
    }
    this.#wait();
  }

  #onSight = () => {
    clearTimeout(this.#timer);
    this.#pause = FIRST_MS;
    if (!document.hidden) void this.#look();
  };
}
