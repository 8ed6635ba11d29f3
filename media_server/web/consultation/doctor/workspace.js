/**
 * One consultation on a doctor's screen, from taking it to closing it: the call on one side, the papers beside it as
 * tabs. On a phone the call is a tab of its own, and stays in sight above the others. DOM only.
 */

import { h, setText } from "../../page/dom.js";
import { languages } from "../../page/i18n.js";
import { dateText } from "../i18n.js";
import { guardBack } from "../parts/back_guard.js";
import { toast } from "../parts/toast.js";
import { yearsSince } from "./age.js";
import { CallSide } from "./call_side.js";
import { ChatPanel } from "./chat_panel.js";
import { ConsentsPanel } from "./consents_panel.js";
import { FilePanel } from "./file_panel.js";
import { GuestsPanel } from "./guests_panel.js";
import { coded, named, reword, t } from "./i18n.js";
import { NotePanel } from "./note_panel.js";
import { OpenCase } from "./open_case.js";
import { OutcomePanel, outcomeMark } from "./outcome_panel.js";
import { SummaryPanel } from "./summary_panel.js";
import { Tabs } from "./tabs.js";

/** @typedef {import("../types.js").Consultation} Consultation */
/** @typedef {import("../../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../../page/local_media.js").LocalMedia} LocalMedia */

/**
 * @typedef {object} PageActs
 * @property {(text: string) => void} announce
 * @property {HTMLElement} status       where the clock of the call goes
 * @property {() => void} leave         back to the waiting room
 */

const TABS = ["call", "summary", "file", "consents", "note", "outcome", "chat"];
const LOOK_MS = 10_000;
/** After these an invitation may stand otherwise than it did. */
const GUESTS_CHANGE = /** @type {const} */ (["knocking", "participant-joined", "participant-left"]);
const WIDE = matchMedia("(min-width: 960px)");

export class Workspace {
  #api;
  #client;
  #media;
  #page;
  #side;
  #head;
  #name = h("h1");
  #facts = h("ul.case-facts");
  #state = h("span.tag");
  #panels;
  #tabs;
  #stops;
  #timer;
  open;
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {TeleconsultClient} client
   * @param {LocalMedia} media
   * @param {Consultation} consultation
   * @param {PageActs} acts
   */
  constructor(api, client, media, consultation, acts) {
    this.#api = api;
    this.#client = client;
    this.#media = media;
    this.#page = acts;
    this.open = new OpenCase(api, consultation);
    this.#side = new CallSide(api, client, media, this.open, {
      page: acts, finish: () => this.finish(), changed: () => this.render(), saveNote: () => this.#panels.note.flush(),
      show: (tab) => this.#tabs.choose(tab, tab === "call" ? {} : { focus: true }),
    });
    this.#panels = this.#makePanels(() => this.#side.inCall);
    this.#tabs = this.#makeTabs();
    named(this.#tabs.list, "aria-label", "tab.list");
    this.#head = h("header.case-head", {}, this.#name, this.#facts, this.#state);
    this.element = h("div.workspace", { onkeydown: (/** @type {KeyboardEvent} */ event) => this.#escape(event) },
      this.#head, this.#side.element, this.#tabs.panels, this.#tabs.list);
    this.#stops = [...this.#listen(), guardBack(() => this.#back())];
    WIDE.addEventListener("change", this.#fit);
    this.#fit();
    // In the call its events tell everything; outside, a patient may cancel or send a photo.
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    void this.open.load();
    void this.#preview();
    this.render();
  }

  /** What the keyboard does here. @returns {Record<string, () => void>} */
  get keys() {
    const choose = (/** @type {string} */ id) => () => this.#tabs.choose(id, { focus: true });
    const tabs = Object.fromEntries(this.#visibleTabs().map((id, index) => [String(index + 1), choose(id)]));
    return {
      ...tabs,
      t: () => this.#tabs.step(1),
      "shift+t": () => this.#tabs.step(-1),
      m: () => this.#side.press("microphone"),
      v: () => this.#side.press("camera"),
      n: () => { this.#tabs.choose("note"); this.#panels.note.focus(); },
      c: () => { this.#tabs.choose("chat"); this.#panels.chat.focus(); },
    };
  }

  render() {
    const { consultation } = this.open;
    const { patient, state } = consultation;
    setText(this.#name, patient?.name ?? t("own.somebody"));
    const facts = [
      patient?.birthdate
        ? `${t("case.age", { years: yearsSince(patient.birthdate) })} (${dateText(patient.birthdate)})` : "",
      patient?.gender ? coded("case.gender", patient.gender) : "",
      languages[consultation.language] ?? consultation.language,
    ];
    this.#facts.replaceChildren(...facts.filter(Boolean).map((fact) => h("li", {}, fact)));
    const { live } = this.#side;
    setText(this.#state, live ? t("case.in-call") : coded("state", state));
    this.#state.className = `tag ${live ? "good" : state === "in-progress" ? "brand" : "calm"}`;
    this.element.dataset.mode = live ? "live" : this.open.closed ? "closed" : "ready";
    this.#side.render();
    for (const panel of Object.values(this.#panels)) panel.render();
    this.#mark();
    const title = `${patient?.name ? `${t("case.tab")} · ` : ""}Teleconsult`;
    if (document.title !== title) document.title = title; // never a name: titles are kept in a browser's history
  }

  /** The language has changed. */
  relabel() {
    reword(this.element);
    this.#tabs.render();
    this.#panels.outcome.relabel();
    this.#panels.guests.relabel();
    this.#side.live?.render();
    this.render();
    void this.open.loadIntake();
  }

  /** To the end of the consultation, from wherever one is. */
  finish() {
    this.#tabs.choose("outcome");
    this.#panels.outcome.focusClosing();
  }

  /** The browser's back button: to the waiting room, but out of a call only after being asked. */
  #back() {
    if (document.querySelector("dialog:modal")) return;
    if (this.#side.live) void this.#side.hangUp();
    else this.#page.leave();
  }

  /** Out of the call, with camera and microphone off; what was typed stays. */
  hangUp() {
    this.#media.stop();
    void this.#client.leave();
  }

  /** After that. */
  goOn() {
    void this.open.load();
    void this.#media.start();
  }

  close() {
    clearInterval(this.#timer);
    for (const stop of this.#stops) stop();
    WIDE.removeEventListener("change", this.#fit);
    this.#panels.note.close();
    this.#panels.file.close();
    this.#panels.chat.close();
    this.#panels.outcome.close();
    document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
    this.#side.end();
    this.#media.unbind();
    void this.#client.leave();
    this.#media.stop();
  }

  /** @param {() => boolean} inCall */
  #makePanels(inCall) {
    const api = this.#api;
    const note = new NotePanel(api, this.open);
    const file = new FilePanel(api, this.open, inCall, () => this.#panels.outcome.render());
    return {
      summary: new SummaryPanel(this.open),
      file,
      consents: new ConsentsPanel(api, this.open,
        { inCall, recordable: () => this.#side.live?.recordable ?? null, record: () => this.#side.live?.record() }),
      guests: new GuestsPanel(api, this.open, this.#client, inCall),
      note,
      outcome: new OutcomePanel(api, this.open, {
        saveNote: () => note.flush(), hasNote: () => note.text.trim() !== "", graveAllergies: () => file.graveAllergies,
        closed: () => void this.#client.leave(), leave: this.#page.leave,
      }),
      chat: new ChatPanel(api, this.open, this.#client, inCall, this.#page.announce,
        () => this.#panels && this.#mark()),
    };
  }

  #makeTabs() {
    const { summary, file, consents, guests, note, outcome, chat } = this.#panels;
    const both = h("div", {}, consents.element, guests.element);
    return new Tabs([
      { id: "call", symbol: "camera", label: () => t("tab.call"), frame: this.#side.element },
      { id: "summary", symbol: "summary", label: () => t("tab.summary"), panel: summary.element },
      { id: "file", symbol: "file", label: () => t("tab.file"), panel: file.element },
      { id: "consents", symbol: "consent", label: () => t("tab.consents"), panel: both },
      { id: "note", symbol: "note", label: () => t("tab.note"), panel: note.element },
      { id: "outcome", symbol: "outcome", label: () => t("tab.outcome"), panel: outcome.element },
      { id: "chat", symbol: "chat", label: () => t("tab.chat"), panel: chat.element },
    ], "summary", (id) => this.#chose(id));
  }

  #visibleTabs() {
    return TABS.filter((id) => id !== "call" || !WIDE.matches);
  }

  /** @param {string} id */
  #chose(id) {
    this.element.dataset.tab = id;
    if (id === "file") void this.#panels.file.look();
    if (id === "outcome") this.#panels.outcome.render(); // a note may have been written meanwhile
    this.#panels.chat.shown(id === "chat");
    this.#mark();
  }

  /** On a wide screen the call is always there: it is no tab. */
  #fit = () => {
    if (WIDE.matches && this.#tabs.chosen === "call") this.#tabs.choose("summary");
    else this.#chose(this.#tabs.chosen);
  };

  #mark() {
    const outcome = outcomeMark(this.open);
    this.#tabs.mark("outcome", outcome.text, outcome.spoken);
    const knocking = this.#panels.guests.waiting;
    this.#tabs.mark("consents", knocking > 0 ? String(knocking) : "", t("guests.count", { count: knocking }));
    const unread = this.#panels.chat.unread;
    this.#tabs.mark("chat", unread > 0 ? String(unread) : "", t("chat.count", { count: unread }));
  }

  #listen() {
    const client = this.#client;
    const render = () => {
      this.render();
      if (this.#tabs.chosen === "file") void this.#panels.file.look();
    };
    const lost = () => {
      if (this.#side.givingBack) return;
      toast(t("ready.lost"), "bad");
      this.#page.leave();
    };
    this.open.addEventListener("change", render);
    this.open.addEventListener("lost", lost);
    this.#media.addEventListener("change", this.#mediaChanged);
    return [
      () => this.open.removeEventListener("change", render),
      () => this.open.removeEventListener("lost", lost),
      () => this.#media.removeEventListener("change", this.#mediaChanged),
      client.on("change", () => {
        this.#panels.guests.render();
        this.#panels.consents.render();
        this.#mark();
      }),
      ...GUESTS_CHANGE.map((type) => client.on(type, () => void this.open.refreshInvitations())),
      client.on("consent", ({ kind, state }) => {
        if (state === "granted" && kind === "medical_file_access") this.#page.announce(t("say.file.granted"));
        this.open.hear(kind, state);
      }),
      client.on("state", ({ state, code }) => state === "ended" && this.#side.ended(code ?? "unknown")),
    ];
  }

  /** Out of a field, to where the shortcuts work. @param {KeyboardEvent} event */
  #escape({ key, target }) {
    if (key !== "Escape" || document.querySelector("dialog:modal")) return;
    if (target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement) this.#tabs.focus();
  }

  #mediaChanged = () => this.#side.render();

  async #look() {
    // Before the call this is also how the service knows that somebody reads; a page that nobody sees may be read from.
    const reads = this.open.consultation.state === "triaged";
    if (this.open.closed || (document.visibilityState !== "visible" && !reads)) return;
    if (this.#side.live === null) await this.open.refresh();
    // That a link has expired no event tells.
    if (this.open.invitations.some(({ state }) => state === "open")) await this.open.refreshInvitations();
  }

  /** How one looks, before anybody sees it; without a question where the browser has its answer already. */
  async #preview() {
    if (!this.open.closed && !this.#media.asked) await this.#media.start();
  }
}
