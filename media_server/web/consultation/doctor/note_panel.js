/** The doctor's note: what was found and done. Kept as it is written, and it says so. DOM only. */

import { h } from "../../page/dom.js";
import { timeText } from "../i18n.js";
import { errorText } from "./errors.js";
import { Autosave } from "./autosave.js";
import { t, words, worded } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */

const SYMBOLS = {
  saved: "cloud", changed: "edit", saving: "refresh", failed: "warning", loading: "clock", lost: "warning",
};
const LONGEST = 10_000;

export class NotePanel {
  #api;
  #case;
  #area = h("textarea.note", { id: "note", maxlength: LONGEST, spellcheck: "true",
    "aria-describedby": "note-hint note-state", disabled: true });
  #state = h("span");
  #symbol = h("span.state-symbol");
  #status = h("p.save-state", { id: "note-state", role: "status" }, this.#symbol, this.#state);
  #left = h("small.count");
  /** @type {Autosave | null} */
  #autosave = null;
  /** Whether the note was asked for and could not be had. */
  #lost = false;
  element;

  /** @param {import("../api.js").Api} api @param {OpenCase} open */
  constructor(api, open) {
    this.#api = api;
    this.#case = open;
    this.#area.addEventListener("input", () => {
      this.#autosave?.write(this.#area.value);
      this.#count();
    });
    this.#area.addEventListener("blur", () => void this.#autosave?.flush());
    this.element = h("div.panel-body.note-body", {},
      h("header.panel-head", {}, h("h2", {}, h("label", { for: "note" }, words("note.title"))), this.#status),
      h("p.fine", { id: "note-hint" }, words("note.hint")), this.#area, this.#left);
    addEventListener("beforeunload", this.#guard);
    void this.#load();
  }

  /** What stands there, whether or not it has been saved. */
  get text() {
    return this.#area.value;
  }

  /** Save what is not saved. @returns {Promise<boolean>} whether everything is */
  async flush() {
    return this.#autosave ? this.#autosave.flush() : true;
  }

  focus() {
    this.#area.focus();
  }

  close() {
    removeEventListener("beforeunload", this.#guard);
    void this.#autosave?.flush();
    this.#autosave?.close();
  }

  render() {
    this.#area.readOnly = this.#case.closed;
    this.#area.disabled = this.#autosave === null;
    this.#count();
    const state = this.#autosave?.state ?? (this.#lost ? "lost" : "loading");
    this.#status.dataset.state = state;
    const at = this.#autosave?.savedAt ?? null;
    const time = at === null ? "" : timeText(new Date(at).toISOString());
    if (state === "saved" && time !== "") worded(this.#state, "note.saved.at", { time });
    else if (state === "failed") worded(this.#state, "note.failed.why", { why: errorText(this.#autosave?.error) });
    else worded(this.#state, `note.${state}`);
    const drawing = SYMBOLS[state];
    if (this.#symbol.dataset.symbol !== drawing) this.#symbol.replaceChildren(symbol(drawing));
    this.#symbol.dataset.symbol = drawing;
  }

  async #load() {
    try {
      const { text } = await this.#api.note(this.#case.id);
      this.#lost = false;
      this.#area.value = text;
      this.#autosave = new Autosave(text, (newer) => this.#api.saveNote(this.#case.id, newer));
      this.#autosave.addEventListener("change", () => this.render());
    } catch {
      // Writing over a note that we have not seen would lose it.
      this.#lost = true;
      setTimeout(() => this.element.isConnected && void this.#load(), 5_000);
    }
    this.render();
  }

  #count() {
    const left = LONGEST - this.#area.value.length;
    this.#left.hidden = left > 1_000;
    worded(this.#left, "note.left", { left });
  }

  /** @param {BeforeUnloadEvent} event */
  #guard = (event) => {
    if (!this.#autosave || this.#autosave.state === "saved") return;
    void this.#autosave.flush();
    event.preventDefault();
  };
}
