/** Text that is kept on the server as it is written: soon after each pause, again when that fails. No DOM. */

/** @typedef {"saved" | "changed" | "saving" | "failed"} SaveState */

const PAUSE_MS = 800;
const RETRY_MS = 4_000;

/** Event `change`: the state is another. */
export class Autosave extends EventTarget {
  #save;
  #text;
  #saved;
  /** @type {SaveState} */
  #state = "saved";
  /** When it was last known to be on the server, ms; null before. @type {number | null} */
  savedAt = null;
  /** What went wrong last. @type {unknown} */
  error = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Promise<void> | null} */
  #running = null;

  /** @param {string} text  as the server has it @param {(text: string) => Promise<unknown>} save */
  constructor(text, save) {
    super();
    this.#text = this.#saved = text;
    this.#save = save;
  }

  get state() {
    return this.#state;
  }

  get text() {
    return this.#text;
  }

  /** @param {string} text */
  write(text) {
    this.#text = text;
    clearTimeout(this.#timer);
    if (text === this.#saved && this.#running === null) return this.#become("saved");
    this.#timer = setTimeout(() => void this.flush(), PAUSE_MS);
    return this.#become("changed");
  }

  /** Save now what is not saved. @returns {Promise<boolean>} whether everything is */
  async flush() {
    clearTimeout(this.#timer);
    while (this.#running) await this.#running;
    if (this.#text === this.#saved) return true;
    this.#running = this.#once();
    await this.#running;
    return this.#text === this.#saved;
  }

  /** Nothing is saved after this. */
  close() {
    clearTimeout(this.#timer);
  }

  async #once() {
    const text = this.#text;
    this.#become("saving");
    try {
      await this.#save(text);
      this.#saved = text;
      this.savedAt = Date.now();
      this.error = null;
    } catch (error) {
      this.error = error;
      this.#timer = setTimeout(() => void this.flush(), RETRY_MS);
    }
    this.#running = null;
    if (this.error) this.#become("failed");
    else if (this.#text === this.#saved) this.#become("saved");
    else this.write(this.#text); // written on meanwhile
  }

  /** @param {SaveState} state */
  #become(state) {
    if (state === this.#state && state !== "saved") return;
    this.#state = state;
    this.dispatchEvent(new Event("change"));
  }
}
