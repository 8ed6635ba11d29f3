/**
 * Keeps one peer connection's path alive: ICE restart when it is interrupted, again until it heals, and an end to
 * patience. The server sends no checks of its own (ICE-lite), so all initiative is here.
 */

const DISCONNECTED_MS = 2_000; // a gap shorter than this usually heals by itself
const RESTART_AGAIN_MS = 4_000;
const PATIENCE_MS = 30_000;
/** For a first path: what needs longer is a network that lets nothing through. */
const FIRST_PATIENCE_MS = 10_000;
const MIN_BETWEEN_RESTARTS_MS = 1_000;

/** @typedef {"connecting" | "connected" | "interrupted" | "failed"} MediaState */

export class PathKeeper {
  #pc;
  #hooks;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** When the path was lost, ms; null while it is fine or was never there. @type {number | null} */
  #lostAt = null;
  /** Ends the patience for a first path. @type {ReturnType<typeof setTimeout> | undefined} */
  #firstTimer;
  #lastRestart = 0;
  #closed = false;

  /**
   * @param {RTCPeerConnection} pc
   * @param {{restart: () => void, state: (state: MediaState) => void}} hooks
   */
  constructor(pc, hooks) {
    this.#pc = pc;
    this.#hooks = hooks;
    pc.addEventListener("connectionstatechange", () => this.#look());
    pc.addEventListener("iceconnectionstatechange", () => this.#look());
  }

  /** The other end is known: a first path should come. A browser may find nothing to try, and say nothing then. */
  begin() {
    this.#firstTimer = setTimeout(() => this.#fail(), FIRST_PATIENCE_MS);
    this.#look();
  }

  restartNow() {
    if (this.#closed || Date.now() - this.#lastRestart < MIN_BETWEEN_RESTARTS_MS) return;
    this.#lastRestart = Date.now();
    this.#hooks.restart();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#firstTimer);
  }

  /** Said once: several events tell of one failure. */
  #fail() {
    this.close();
    this.#hooks.state("failed");
  }

  #look() {
    if (this.#closed) return;
    const { connectionState, iceConnectionState } = this.#pc;
    if (connectionState === "connected") return this.#healed();
    if (connectionState === "failed" && iceConnectionState !== "failed") return this.#fail(); // DTLS: no path mends that
    if (iceConnectionState === "disconnected") this.#lost(DISCONNECTED_MS);
    else if (iceConnectionState === "failed") this.#lost(0);
    else if (this.#lostAt === null) this.#hooks.state("connecting");
  }

  #healed() {
    clearTimeout(this.#timer);
    clearTimeout(this.#firstTimer);
    this.#lostAt = null;
    this.#hooks.state("connected");
  }

  /** @param {number} graceMs */
  #lost(graceMs) {
    if (this.#lostAt === null) {
      this.#lostAt = Date.now();
      this.#hooks.state("interrupted");
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#mend(), graceMs);
  }

  #mend() {
    if (this.#closed || this.#lostAt === null) return;
    if (Date.now() - this.#lostAt > PATIENCE_MS) return this.#fail();
    this.restartNow();
    this.#timer = setTimeout(() => this.#mend(), RESTART_AGAIN_MS);
  }
}
