/** All consents of one consultation: asked for in the call, listed, given and withdrawn at any time. DOM only. */

import { h } from "../../page/dom.js";
import { errorText, showFieldErrors } from "../errors.js";
import { momentText, t as shared } from "../i18n.js";
import { nihdiText } from "../identifiers.js";
import { badge, loading, notice } from "../parts/layout.js";
import { IncompleteForm, confirmed, openDialog } from "../parts/dialog.js";
import { required, textField, validate } from "../parts/fields.js";
import { toast } from "../parts/toast.js";
import { isNihdi } from "./checks.js";
import { t } from "./i18n.js";
import { digits } from "./intake.js";

/** @typedef {import("./visit.js").Visit} Visit */
/** @typedef {import("../types.js").Consent} Consent */
/** @typedef {import("../types.js").ConsentKind} ConsentKind */
/** @typedef {import("../types.js").ConsentText} ConsentText */
/** @typedef {import("../types.js").Practitioner} Practitioner */

const KINDS = /** @type {ConsentKind[]} */ (["teleconsultation", "medical_file_access", "report_to_gp", "third_party_presence", "recording"]);
const LOOKS = /** @type {const} */ ({ granted: "good", requested: "warn", refused: "calm", withdrawn: "calm", expired: "calm" });
/** Of recording, the call's own card asks: everybody in the room answers there. */
const ASKED_ELSEWHERE = "recording";
/** Decided on when it comes to that, by the state it is in: of people who join, only once somebody has been invited. */
const DECIDED = /** @type {Record<string, readonly (string | null)[]>} */ ({
  medical_file_access: [null, "requested", "refused", "withdrawn", "expired"], report_to_gp: [null, "requested", "refused", "withdrawn", "expired"],
  third_party_presence: ["requested", "refused", "withdrawn"],
});

export class ConsentBook {
  #visit;
  /** Asked for and not answered. @type {Set<ConsentKind>} */
  #asked = new Set();
  #asking = false;
  #stops;
  /** @type {(() => void) | null} */
  #refreshList = null;

  /** @param {Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#stops = [
      visit.client.on("consent", ({ kind, state, participant }) => {
        if (participant && participant !== visit.client.self?.id) return;
        this.#heard(/** @type {ConsentKind} */ (kind), state);
      }),
      visit.client.on("state", ({ state }) => state === "connected" && void this.#catchUp()),
    ];
  }

  close() {
    this.#stops.forEach((stop) => stop());
  }

  /** @param {ConsentKind} kind @param {string} state */
  #heard(kind, state) {
    this.#refreshList?.();
    if (kind === ASKED_ELSEWHERE) return;
    if (state !== "requested") this.#asked.delete(kind);
    else {
      this.#asked.add(kind);
      void this.#ask();
    }
  }

  /** What was asked while we were away. */
  async #catchUp() {
    const consents = await this.#visit.app.api.consents(this.#visit.consultation.id).catch(() => []);
    for (const { kind, state } of consents) if (state === "requested") this.#heard(kind, state);
  }

  /** One question at a time. */
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (;;) {
        const [kind] = this.#asked;
        if (!kind) break;
        await this.#question(kind).catch((error) => toast(errorText(error), "bad"));
        this.#asked.delete(kind); // closed without an answer: silence is no consent, and the list has it still
      }
    } finally {
      this.#asking = false;
    }
  }

  /** @param {ConsentKind} kind */
  async #question(kind) {
    const text = await this.#textOf(kind);
    this.#visit.app.say(t("ask.said", { what: text.title }));
    const recipient = kind === "report_to_gp" ? recipientFields(this.#gp) : null;
    const guests = kind === "third_party_presence" ? await this.#guests() : null;
    const { answered } = openDialog({
      title: text.title, symbol: "shield", className: "consent-dialog", dismissable: false,
      body: [h("p.muted", {}, t("ask.lead")), ...(guests ? [guests] : []), h("p.lawtext", {}, text.text), ...(recipient ? [recipient.element] : []),
        h("small", {}, t("ask.anytime"))],
      // Neither answer is the likelier one: same size, same colour.
      actions: [
        { label: t("ask.refuse"), value: "refuse", act: () => this.#answer(kind, false, text.version) },
        { label: t("ask.allow"), value: "allow", act: () => this.#answer(kind, true, text.version, recipient) },
      ],
    });
    await answered;
  }

  /** Who would join. */
  async #guests() {
    const invitations = await this.#visit.app.api.invitations(this.#visit.consultation.id).catch(() => []);
    const open = invitations.filter(({ state }) => state === "open" || state === "used");
    if (open.length === 0) return null;
    const names = open.map(({ label }) => guestName(label)).join(", ");
    return h("p", {}, h("strong", {}, t("ask.guests", { who: names })));
  }

  /** @param {ConsentKind} kind @param {boolean} granted @param {string} version @param {ReturnType<typeof recipientFields> | null} [recipient] */
  async #answer(kind, granted, version, recipient = null) {
    const gp = granted && recipient ? recipient.read() : undefined;
    try {
      await this.#visit.app.api.setConsent(this.#visit.consultation.id, kind, granted, version, gp);
    } catch (error) {
      if (recipient) showFieldErrors(error, { "/recipient/name": recipient.name, "/recipient/nihdi": recipient.nihdi });
      throw error;
    }
    toast(t(granted ? "ask.allowed" : "ask.refused"), granted ? "good" : "info");
  }

  /** The list of all of them. */
  open() {
    const list = h("div.stack", {}, loading());
    const { answered } = openDialog({ title: t("consents.mine"), symbol: "shield", body: [h("p.muted", {}, t("consents.mine.lead")), list] });
    const refresh = () => void this.#fill(list).catch((error) => list.replaceChildren(notice("warning", null, h("p", {}, errorText(error)))));
    this.#refreshList = refresh;
    refresh();
    void answered.then(() => { this.#refreshList = null; });
  }

  /** @param {HTMLElement} list */
  async #fill(list) {
    const consents = await this.#visit.app.api.consents(this.#visit.consultation.id);
    const rows = await Promise.all(KINDS.map(async (kind) => {
      const own = consents.filter((consent) => consent.kind === kind);
      const consent = own.find(({ participant }) => !participant || participant === this.#visit.client.self?.id) ?? own[0] ?? null;
      return this.#row(kind, consent, await this.#textOf(kind).catch(() => null));
    }));
    list.replaceChildren(...rows);
  }

  /** @param {ConsentKind} kind @param {Consent | null} consent @param {ConsentText | null} text */
  #row(kind, consent, text) {
    const state = consent?.state ?? null;
    const acts = [];
    if (state === "granted" && text) {
      acts.push(h("button.secondary", { type: "button", "data-withdraw": kind, onclick: () => void this.#withdraw(kind, text) }, t("consents.withdraw")));
    } else if (text && DECIDED[kind]?.includes(state)) {
      acts.push(h("button.secondary", { type: "button", "data-give": kind, onclick: () => void this.#question(kind).then(() => this.#refreshList?.()) }, t("consents.give")));
    }
    return h("section.consent-row", { "aria-labelledby": `consent-${kind}` },
      h("div.row.spread", {}, h("h3", { id: `consent-${kind}` }, shared(`consent.${kind}`)),
        badge(shared(`consent.state.${state ?? "none"}`), state ? LOOKS[state] : "calm")),
      consent?.recipient ? h("p.muted", {}, t("consents.recipient", { name: this.#nameOf(consent.recipient.nihdi) })) : null,
      consent?.at ? h("small", {}, momentText(consent.at)) : null,
      text ? h("details", {}, h("summary", {}, t("consents.text")), h("p.lawtext", {}, text.text)) : null,
      h("div.row", {}, ...acts, consent?.receipt ? receiptLink(kind, consent.receipt) : null));
  }

  /** The GP as the patient named them before. */
  get #gp() {
    return this.#visit.consultation.general_practitioner ?? null;
  }

  /** @param {string} nihdi */
  #nameOf(nihdi) {
    return nihdi === this.#gp?.nihdi ? this.#gp.name : nihdiText(nihdi);
  }

  /** @param {ConsentKind} kind @param {ConsentText} text */
  async #withdraw(kind, text) {
    const ends = kind === "teleconsultation";
    const sure = await confirmed(t("consents.withdraw.title"), t(ends ? "consents.withdraw.ends" : "consents.withdraw.text"), t("consents.withdraw"), async () => {
      // The room's own recording stops by the room's word as well, which is the faster one.
      if (kind === "recording" && this.#visit.client.self?.admitted) await this.#visit.client.consent("recording", "withdrawn", text.version);
      else await this.#visit.app.api.setConsent(this.#visit.consultation.id, kind, false, text.version);
    }, "danger");
    if (!sure) return;
    toast(t("consents.withdrawn"), "info");
    this.#refreshList?.();
    if (ends) await this.#visit.refresh();
  }

  /** @param {ConsentKind} kind @returns {Promise<ConsentText>} */
  async #textOf(kind) {
    return this.#visit.texts.of(kind);
  }
}

/** Whom the report goes to; what was said of them before is there already. @param {Practitioner | null} gp */
function recipientFields(gp) {
  const name = textField({ label: t("about.gp"), required: true, maxlength: 80, value: gp?.name ?? "" });
  const nihdi = textField({
    label: t("about.nihdi"), hint: t("about.nihdi.hint"), required: true, inputmode: "numeric", maxlength: 16,
    value: nihdiText(gp?.nihdi ?? ""),
  });
  return {
    name, nihdi,
    element: h("div.form", {}, name.element, nihdi.element),
    read: () => {
      const right = validate([[name, required], [nihdi, (value) => (isNihdi(value) ? null : shared("field.nihdi"))]]);
      if (!right) throw new IncompleteForm();
      return { name: name.value, nihdi: digits(nihdi.value) };
    },
  };
}

/** @param {string} label */
function guestName(label) {
  return label === "interpreter" || label === "relative" || label === "colleague" ? t(`guest.${label}`) : label;
}

/** @param {ConsentKind} kind @param {string} receipt */
function receiptLink(kind, receipt) {
  const url = `data:application/jose;charset=utf-8,${encodeURIComponent(receipt)}`;
  return h("a.link-line", { href: url, download: `${kind}.jws` }, t("consents.receipt"));
}
