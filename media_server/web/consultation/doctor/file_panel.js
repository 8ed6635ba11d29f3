/**
 * The patient's medical file, while the patient lets the doctor look into it. What was shown is dropped the moment the
 * consent is gone: nothing of it stays in the page. DOM only.
 */

import { h } from "../../page/dom.js";
import { ApiError, codeOf } from "../api.js";
import { errorText } from "./errors.js";
import { dateText } from "../i18n.js";
import { loading } from "../parts/layout.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { askConsent } from "./consents_panel.js";
import { CHAPTERS, readFile } from "./fhir_reading.js";
import { coded, t } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./fhir_reading.js").Chapter} Chapter */
/** @typedef {import("./fhir_reading.js").Entry} Entry */
/** @typedef {import("./open_case.js").OpenCase} OpenCase */

const KIND = "medical_file_access";
const SYMBOLS = { allergies: "allergy", medications: "pill", problems: "problem", vaccinations: "vaccine",
  results: "list", documents: "document", other: "file" };

/** @type {Record<string, string>} */
const GATES = { requested: "clock", withdrawn: "stop", refused: "stop" };

export class FilePanel {
  #api;
  #case;
  #inCall;
  #read;
  #content = h("div.stack");
  #complaint = complaintLine();
  /** Present only while the consent is. @type {any} */
  #bundle = null;
  /** @type {unknown} */
  #failure = null;
  /** Changes with every grant and withdrawal: an answer that comes after one is not shown. */
  #turn = 0;
  #asking = false;
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {OpenCase} open
   * @param {() => boolean} inCall
   * @param {() => void} read  it has just been opened
   */
  constructor(api, open, inCall, read) {
    this.#api = api;
    this.#case = open;
    this.#inCall = inCall;
    this.#read = read;
    this.element = h("div.panel-body", {}, this.#complaint, this.#content);
    this.render();
  }

  render() {
    const granted = this.#case.granted(KIND) && !this.#case.closed;
    if (!granted) this.#drop();
    const state = this.#case.closed ? "closed" : (this.#case.consent(KIND)?.state ?? "none");
    redraw(this.#content, [state, this.#inCall(), this.#failure, this.#bundle, this.#asking],
      () => granted ? this.#granted() : this.#gate(state));
  }

  /** Look into the file, if one may and has not yet: when the panel is opened, or the consent comes while it is. */
  async look() {
    if (!this.#case.granted(KIND) || this.#case.closed || this.#bundle !== null || this.#failure !== null
      || this.#asking) return;
    const turn = this.#turn;
    this.#asking = true;
    this.#failure = null;
    this.render();
    try {
      const bundle = await this.#api.medicalFile(this.#case.id);
      if (turn === this.#turn) this.#bundle = bundle;
    } catch (error) {
      if (turn === this.#turn) this.#failure = error;
      if (codeOf(error) === "consent-needed") void this.#case.refreshConsents();
    } finally {
      if (turn === this.#turn) this.#asking = false;
    }
    this.render();
    this.#read();
  }

  /** What the file calls severe, while it is open here. @returns {Entry[]} */
  get graveAllergies() {
    return this.#bundle === null ? [] : readFile(this.#bundle).allergies.filter(({ grave }) => grave);
  }

  close() {
    this.#drop();
    this.#content.replaceChildren();
  }

  #drop() {
    this.#turn++;
    this.#bundle = null;
    this.#failure = null;
    this.#asking = false;
  }

  /** @param {string} state */
  #gate(state) {
    const askable = state !== "requested" && state !== "closed" && this.#inCall();
    const button = h("button.primary", { type: "button", "data-ask": KIND, onclick: () => void this.#ask(button) },
      symbol("file"), t("file.ask"));
    return [h("div.gate", { role: "status" },
      h("div.badge", {}, symbol(GATES[state] ?? "lock")),
      h("h2", {}, coded("file", `${state}.title`)),
      h("p", {}, coded("file", `${state}.lead`)),
      askable ? button : null,
      !this.#inCall() && (state === "none") ? h("p.fine", {}, t("consents.later")) : null)];
  }

  /** @param {HTMLButtonElement} button */
  async #ask(button) {
    await acting(button, this.#complaint, () => askConsent(this.#api, this.#case, KIND));
  }

  #granted() {
    const again = h("button.quiet", { type: "button", onclick: () => { this.#drop(); void this.look(); } },
      symbol("refresh"), t("file.again"));
    const head = h("header.panel-head", {}, h("h2", {}, t("file.title")), again);
    if (this.#failure !== null) return [head,
      h("p.notice", { role: "alert" }, symbol("warning"), h("span", {}, failureText(this.#failure)))];
    if (this.#bundle === null) {
      const open = h("button.primary", { type: "button", "data-action": "file-open", onclick: () => void this.look() },
        symbol("file"), t("file.open"));
      return this.#asking ? [head, loading()] : [head, h("p", {}, t("file.granted.lead")), open];
    }
    const chapters = readFile(this.#bundle);
    const write = () => { pre.textContent = raw.open ? JSON.stringify(this.#bundle, null, 2) : ""; };
    const raw = h("details.raw", { ontoggle: write },
      h("summary", {}, symbol("document"), t("file.raw")));
    const pre = h("pre", { tabindex: 0, "aria-label": t("file.raw") });
    raw.append(pre);
    return [head, h("p.fine", {}, t("file.note")),
      ...CHAPTERS.filter((name) => shown(name, chapters[name])).map((name) => chapterPart(name, chapters[name])), raw];
  }
}

/** @param {unknown} error */
function failureText(error) {
  return error instanceof ApiError && error.status === 404 ? t("file.absent") : errorText(error);
}

/**
 * That nothing is known of allergies is news; that nothing else is in the file is not.
 * @param {Chapter} name
 * @param {Entry[]} entries
 */
function shown(name, entries) {
  return entries.length > 0 || name === "allergies" || name === "medications" || name === "problems";
}

/** @param {Chapter} name @param {Entry[]} entries */
function chapterPart(name, entries) {
  return h("section.chapter", { "data-chapter": name },
    h("h3", {}, symbol(SYMBOLS[name]), h("span", {}, t(`file.${name}`)), h("span.number", {}, String(entries.length))),
    entries.length > 0 ? h("ul.entries", {}, ...entries.map(entryPart)) : h("p.fine", {}, t("file.nothing")));
}

/** @param {Entry} entry */
function entryPart({ title, code, detail, date, status, grave }) {
  return h("li", { class: grave ? "grave" : null },
    h("div", {}, h("strong", {}, title), code ? h("span.code", {}, code) : null,
      grave ? h("span.tag.bad", {}, t("file.grave")) : null,
      status && status !== "active" && status !== "final" && status !== "current"
        ? h("span.tag", {}, coded("file.status", status)) : null),
    detail ? h("p", {}, detail) : null,
    date ? h("small", {}, date.length < 10 ? date : dateText(date.slice(0, 10))) : null);
}
