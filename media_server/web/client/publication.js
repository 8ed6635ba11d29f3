/** One local track that the client wants published, whatever connection carries it at the moment. */

/** @typedef {import("./types.js").PublishOptions} PublishOptions */
/** @typedef {import("./types.js").Source} Source */

/**
 * What a publication asks of its client.
 * @typedef {object} PublicationOwner
 * @property {(publication: Publication) => string | null} trackId
 * @property {(publication: Publication) => Promise<void>} muteChanged
 * @property {(publication: Publication) => Promise<void>} trackChanged
 * @property {(publication: Publication) => void} unpublished
 */

export class Publication {
  #owner;
  #muted;
  /** @type {MediaStreamTrack | null} */
  #track;
  /** @type {(publication: Publication) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  #reject = () => {};

  /**
   * @param {PublicationOwner} owner
   * @param {MediaStreamTrack} track
   * @param {Source} source
   * @param {PublishOptions} options
   */
  constructor(owner, track, source, options) {
    this.#owner = owner;
    this.#track = track;
    this.#muted = options.muted ?? false;
    this.source = source;
    this.kind = /** @type {import("./types.js").Kind} */ (track.kind);
    this.options = options;
    this.ended = false;
    /** Settles once the server has accepted the track; for somebody in the waiting room that is after admission. */
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ready.catch(() => {}); // reading it is optional
    this.#apply();
  }

  /** The server's id for it, once accepted. @returns {string | null} */
  get id() {
    return this.#owner.trackId(this);
  }

  /** What is being sent; null while the device is off. */
  get track() {
    return this.#track;
  }

  get muted() {
    return this.#muted;
  }

  /**
   * Mute or unmute, here and for everybody in the room. The local effect is immediate; the promise is about the telling.
   * @param {boolean} muted
   */
  async setMuted(muted) {
    this.#muted = muted;
    this.#apply();
    if (!this.ended) await this.#owner.muteChanged(this);
  }

  /**
   * Send another track of the same kind in its place (another camera), or nothing (null: the device may be released,
   * so that its light goes off). No negotiation. The caller stops the old track.
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(track) {
    this.#track = track;
    this.#apply();
    if (!this.ended) await this.#owner.trackChanged(this);
  }

  /** Take it out of the room. The track itself is not stopped. */
  unpublish() {
    if (this.ended) return;
    this.ended = true;
    this.#owner.unpublished(this);
  }

  /** The client's side of `ready`. @param {Error} [error] */
  settle(error) {
    if (error) this.#reject(error);
    else this.#resolve(this);
  }

  #apply() {
    if (this.#track) this.#track.enabled = !this.#muted;
  }
}
