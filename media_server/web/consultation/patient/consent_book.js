/** All consents of one consultation: asked for in the call, listed, given and withdrawn at any time. DOM only. */

import { h } from "../../page/dom.js";
import { ApiError } from "../api.js";
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
const PRESENCE = "third_party_presence";
/** Decided on when it comes to that, by the state it is in: of a guest, for as long as they may come. */
const DECIDED = /** @type {Record<string, readonly (string | null)[]>} */ ({
  medical_file_access: [null, "requested", "refused", "withdrawn", "expired"], report_to_gp: [null, "requested", "refused", "withdrawn", "expired"],
  [PRESENCE]: ["requested", "refused", "withdrawn"],
});

/** What is asked: of a kind, and of somebody's presence by whose invitation. @typedef {{kind: ConsentKind, invitation?: string | undefined}} Asked */

export class ConsentBook {
  #visit;
  /** Asked for and not answered, by kind and guest. @type {Map<string, Asked>} */
  #asked = new Map();
  #asking = false;
  #stops;
  /** @type {(() => void) | null} */
  #refreshList = null;

  /** @param {Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#stops = [
      visit.client.on("consent", ({ kind, state, participant, invitation }) => {
        if (participant && participant !== visit.client.self?.id) return;
        this.#heard({ kind: /** @type {ConsentKind} */ (kind), invitation }, state);
      }),
      visit.client.on("state", ({ state }) => state === "connected" && void this.#catchUp()),
    ];
  }

  close() {
    this.#stops.forEach((stop) => stop());
  }

  /** @param {Asked} asked @param {string} state */
  #heard(asked, state) {
    this.#refreshList?.();
    if (asked.kind === ASKED_ELSEWHERE) return;
    const key = `${asked.kind} ${asked.invitation ?? ""}`;
    if (state !== "requested") this.#asked.delete(key);
    else {
      this.#asked.set(key, asked);
      void this.#ask();
    }
  }

  /** What was asked while we were away. */
  async #catchUp() {
    const consents = await this.#visit.app.api.consents(this.#visit.consultation.id).catch(() => []);
    for (const { kind, state, guest } of consents) {
      if (state === "requested") this.#heard({ kind, invitation: guest?.invitation }, state);
    }
  }

  /** One question at a time. */
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (;;) {
        const [first] = this.#asked;
        if (!first) break;
        const [key, asked] = first;
        await this.#question(asked).catch((error) => toast(errorText(error), "bad"));
        this.#asked.delete(key); // closed without an answer: silence is no consent, and the list has it still
      }
    } finally {
      this.#asking = false;
    }
  }

  /** @param {Asked} asked */
  async #question(asked) {
    const { kind } = asked;
    const text = await this.#textOf(kind);
    const guest = kind === PRESENCE ? await this.#guest(asked.invitation) : null;
    if (kind === PRESENCE && !guest) return toast(t("ask.gone"), "info");
    this.#visit.app.say([t("ask.said", { what: text.title }), guest ? t("ask.guests", { who: guest.name }) : ""].join(" "));
    const recipient = kind === "report_to_gp" ? recipientFields(this.#gp) : null;
    const answer = (/** @type {boolean} */ granted) => this.#answer({ kind, invitation: guest?.invitation }, granted, text.version, recipient);
    const { answered } = openDialog({
      title: text.title, symbol: "shield", className: "consent-dialog", dismissable: false,
      body: [h("p.muted", {}, t("ask.lead")), ...(guest ? [h("p", {}, h("strong", {}, t("ask.guests", { who: guest.name })))] : []),
        h("p.lawtext", {}, text.text), ...(recipient ? [recipient.element] : []), h("small", {}, t("ask.anytime"))],
      // Neither answer is the likelier one: same size, same colour.
      actions: [
        { label: t("ask.refuse"), value: "refuse", act: () => answer(false) },
        { label: t("ask.allow"), value: "allow", act: () => answer(true) },
      ],
    });
    await answered;
    return undefined;
  }

  /** Who may come by that invitation, without one by the newest; null: nobody any more. @param {string} [invitation] */
  async #guest(invitation) {
    const found = (await this.#invited()).filter(({ id }) => !invitation || id === invitation).at(-1);
    return found ? { invitation: found.id, name: guestName(found.label) } : null;
  }

  /** Who came, or still may, oldest first. */
  async #invited() {
    const invitations = await this.#visit.app.api.invitations(this.#visit.consultation.id);
    return invitations.filter(({ state }) => state === "open" || state === "used");
  }

  /** @param {Asked} asked @param {boolean} granted @param {string} version @param {ReturnType<typeof recipientFields> | null} recipient */
  async #answer({ kind, invitation }, granted, version, recipient) {
    const gp = granted && recipient ? recipient.read() : undefined;
    try {
      await this.#visit.app.api.setConsent(this.#visit.consultation.id, kind, granted, version, { recipient: gp, invitation });
    } catch (error) {
      // Taken back while one was reading: there is nothing to answer any more.
      if (error instanceof ApiError && error.of("/guest")) return toast(t("ask.gone"), "info");
      if (recipient) showFieldErrors(error, { "/recipient/name": recipient.name, "/recipient/nihdi": recipient.nihdi });
      throw error;
    }
    return toast(t(granted ? "ask.allowed" : "ask.refused"), granted ? "good" : "info");
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
    const guests = consents.some(({ guest }) => guest) ? await this.#invited().catch(() => null) : [];
    const rows = await Promise.all(KINDS.map(async (kind) => {
      const text = await this.#textOf(kind).catch(() => null);
      const own = this.#own(consents, kind);
      // The newest word counts, and of each guest there is one: the last who came is on top.
      const shown = kind === PRESENCE && own.length > 0 ? own.reverse() : own.slice(-1);
      return (shown.length > 0 ? shown : [null]).map((consent) => {
        const gone = Boolean(consent?.guest && guests && !guests.some(({ id }) => id === consent.guest?.invitation));
        return this.#row(kind, consent, text, gone);
      });
    }));
    list.replaceChildren(...rows.flat());
  }

  /** One's own words, oldest first; those of everybody where there are none. @param {Consent[]} consents @param {ConsentKind} kind */
  #own(consents, kind) {
    const all = consents.filter((consent) => consent.kind === kind);
    const own = all.filter(({ participant }) => !participant || participant === this.#visit.client.self?.id);
    return own.length > 0 ? own : all;
  }

  /** @param {ConsentKind} kind @param {Consent | null} consent @param {ConsentText | null} text @param {boolean} gone  whom it is about may not come any more */
  #row(kind, consent, text, gone) {
    const state = consent?.state ?? null;
    const invitation = consent?.guest?.invitation;
    const asked = { kind, invitation };
    const acts = [];
    if (gone) acts.push(h("small", {}, t("ask.gone")));
    else if (state === "granted" && text) {
      acts.push(h("button.secondary", { type: "button", "data-withdraw": kind, "data-guest": invitation, onclick: () => void this.#withdraw(asked, text) }, t("consents.withdraw")));
    } else if (text && DECIDED[kind]?.includes(state)) {
      acts.push(h("button.secondary", { type: "button", "data-give": kind, "data-guest": invitation, onclick: () => void this.#decide(asked) }, t("consents.give")));
    }
    const id = `consent-${kind}-${invitation ?? ""}`;
    return h("section.consent-row", { "aria-labelledby": id },
      h("div.row.spread", {}, h("h3", { id }, shared(`consent.${kind}`), consent?.guest ? `: ${guestName(consent.guest.label)}` : null),
        badge(shared(`consent.state.${state ?? "none"}`), state ? LOOKS[state] : "calm")),
      consent?.recipient ? h("p.muted", {}, t("consents.recipient", { name: this.#nameOf(consent.recipient.nihdi) })) : null,
      consent?.at ? h("small", {}, momentText(consent.at)) : null,
      text ? h("details", {}, h("summary", {}, t("consents.text")), h("p.lawtext", {}, text.text)) : null,
      h("div.row", {}, ...acts, consent?.receipt ? receiptLink(kind, consent.receipt) : null));
  }

  /** @param {Asked} asked */
  async #decide(asked) {
    await this.#question(asked).catch((error) => toast(errorText(error), "bad"));
    this.#refreshList?.();
  }

  /** The GP as the patient named them before. */
  get #gp() {
    return this.#visit.consultation.general_practitioner ?? null;
  }

  /** @param {string} nihdi */
  #nameOf(nihdi) {
    return nihdi === this.#gp?.nihdi ? this.#gp.name : nihdiText(nihdi);
  }

  /** @param {Asked} asked @param {ConsentText} text */
  async #withdraw({ kind, invitation }, text) {
    const ends = kind === "teleconsultation";
    const sure = await confirmed(t("consents.withdraw.title"), t(ends ? "consents.withdraw.ends" : "consents.withdraw.text"), t("consents.withdraw"), async () => {
      // The room's own recording stops by the room's word as well, which is the faster one.
      if (kind === "recording" && this.#visit.client.self?.admitted) await this.#visit.client.consent("recording", "withdrawn", text.version);
      else await this.#visit.app.api.setConsent(this.#visit.consultation.id, kind, false, text.version, { invitation });
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
