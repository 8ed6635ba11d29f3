/** A condition that counts only once it has lasted. No DOM. */

export class Lasting {
  #patienceMs;
  #wake;
  /** When it began to hold, ms; null while it does not. @type {number | null} */
  #since = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {number} patienceMs @param {() => void} wake  called when it has lasted: look again */
  constructor(patienceMs, wake) {
    this.#patienceMs = patienceMs;
    this.#wake = wake;
  }

  /** @param {boolean} holds  at this moment @returns {boolean} whether it has held for long enough */
  look(holds) {
    if (!holds) {
      this.close();
      return false;
    }
    if (this.#since === null) {
      this.#since = Date.now();
      this.#timer = setTimeout(this.#wake, this.#patienceMs + 20);
    }
    return Date.now() - this.#since >= this.#patienceMs;
  }

  close() {
    clearTimeout(this.#timer);
    this.#since = null;
  }
}
