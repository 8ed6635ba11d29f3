/** What the patient has agreed to, and asking for more. Only the patient answers, on their own page. DOM only. */

import { h } from "../../page/dom.js";
import { dateText, momentText, t as shared, timeText } from "../i18n.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { coded, t, words } from "./i18n.js";
import { nihdiText } from "../identifiers.js";
import { CONSENT_KINDS } from "./open_case.js";
import { symbol } from "./symbols.js";

/** @typedef {import("../types.js").Consent} Consent */
/** @typedef {import("../types.js").ConsentKind} ConsentKind */
/** @typedef {import("./open_case.js").OpenCase} OpenCase */

const SYMBOLS = { teleconsultation: "camera", medical_file_access: "file", report_to_gp: "send",
  third_party_presence: "people", recording: "record" };
const TONES = { none: "calm", requested: "warn", granted: "good", refused: "bad", withdrawn: "bad", expired: "calm" };
/** From these states it makes sense to ask, or to ask again. */
const ASKABLE = new Set(["none", "refused", "withdrawn", "expired"]);

/**
 * Ask the patient for one kind of consent; for panels that need it too.
 * @param {import("../api.js").Api} api @param {OpenCase} open @param {ConsentKind} kind
 */
export async function askConsent(api, open, kind) {
  await api.requestConsent(open.id, kind);
  open.hear(kind, "requested");
}

export class ConsentsPanel {
  #api;
  #case;
  #room;
  #list = h("ul.consents");
  #complaint = complaintLine();
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {OpenCase} open
   * @param {{inCall: () => boolean, recordable: () => boolean | null, record: () => void}} room
   *   `recordable`: null when not known
   */
  constructor(api, open, room) {
    this.#api = api;
    this.#case = open;
    this.#room = room;
    this.element = h("div.panel-body", {},
      h("header.panel-head", {}, h("h2", {}, words("consents.title"))),
      h("p.fine", {}, words("consents.lead")), this.#complaint, this.#list);
    this.render();
  }

  render() {
    const rows = CONSENT_KINDS.map((kind) => ({ kind, consent: this.#case.consent(kind), act: this.#act(kind) }));
    redraw(this.#list, rows, () => rows.map((row) => this.#row(row)));
  }

  /**
   * What can be asked now: by which text, or why not.
   * @param {ConsentKind} kind
   * @returns {"ask" | "again" | "record" | "closed" | "no-recording" | "later" | ""}
   */
  #act(kind) {
    const state = this.#case.consent(kind)?.state ?? "none";
    if (this.#case.closed || kind === "teleconsultation") return "";
    if (kind === "recording" && this.#room.recordable() === false) return "no-recording";
    if (!ASKABLE.has(state)) return "";
    if (!this.#room.inCall()) return "later";
    return kind === "recording" ? "record" : state === "none" ? "ask" : "again";
  }

  /** @param {{kind: ConsentKind, consent: Consent | null, act: string}} row */
  #row({ kind, consent, act }) {
    const state = consent?.state ?? "none";
    const asks = act === "ask" || act === "again" || act === "record";
    const button = asks ? h("button.secondary.small", { type: "button", "data-ask": kind,
      onclick: () => void this.#ask(button, kind) },
      h("span", {}, t(`consents.${act}`)), h("span.hidden", {}, `: ${t(`consents.kind.${kind}`)}`)) : null;
    return h("li.consent-row", { "data-kind": kind, "data-state": state },
      h("span.disc", {}, symbol(SYMBOLS[kind])),
      h("div", {},
        h("strong", {}, t(`consents.kind.${kind}`)),
        h("small", {}, noteText(kind, consent, act))),
      h("span.acts-end", {}, h(`span.tag.${TONES[state]}`, {}, shared(`consent.state.${state}`)), button));
  }

  /** @param {HTMLButtonElement | null} button @param {ConsentKind} kind */
  async #ask(button, kind) {
    if (!button) return;
    if (kind === "recording") return this.#room.record();
    await acting(button, this.#complaint, () => askConsent(this.#api, this.#case, kind));
  }
}

/** @param {ConsentKind} kind @param {Consent | null} consent @param {string} act */
function noteText(kind, consent, act) {
  if (act === "no-recording") return t("consents.no-recording");
  if (act === "later") return t("consents.later");
  if (!consent) return coded("consents.note", kind);
  const { recipient, at, state } = consent;
  const who = recipient ? t("consents.recipient", { number: nihdiText(recipient.nihdi) }) : "";
  const today = at ? dateText(at) === dateText(new Date().toISOString()) : false;
  const when = at ? (today ? t("consents.at", { time: timeText(at) }) : momentText(at)) : "";
  return [state === "requested" ? t("consents.asked") : "", who, when].filter(Boolean).join(" · ");
}
