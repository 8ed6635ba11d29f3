/**
 * The consultation a doctor has taken: what the server says of it, kept together for all panels. Panels draw from it at
 * every `change`. No DOM, no text for people.
 */

import { codeOf } from "../http.js";
import { language } from "../i18n.js";

/** @typedef {import("../api.js").Api} Api */
/** @typedef {import("../types.js").Consent} Consent */
/** @typedef {import("../types.js").ConsentKind} ConsentKind */
/** @typedef {import("../types.js").Consultation} Consultation */

export const CONSENT_KINDS = /** @type {const} */ ([
  "teleconsultation", "medical_file_access", "report_to_gp", "third_party_presence", "recording",
]);

export class OpenCase extends EventTarget {
  #api;
  /** @type {Consultation} */
  consultation;
  /** @type {import("../types.js").Intake | null} */
  intake = null;
  /** Those that were read, by language: each reading is in the patient's trail. @type {Map<string, import("../types.js").Intake>} */
  #intakes = new Map();
  /** In the order in which they were said. @type {Consent[]} */
  consents = [];
  /** @type {import("../types.js").Invitation[]} */
  invitations = [];
  /** @type {import("../types.js").Outcome} */
  outcome = { prescriptions: [], referrals: [], certificates: [] };
  /** Why the answers could not be had; null when they are here or on their way. @type {unknown} */
  failure = null;

  /** @param {Api} api @param {Consultation} consultation */
  constructor(api, consultation) {
    super();
    this.#api = api;
    this.consultation = consultation;
  }

  get id() {
    return this.consultation.id;
  }

  /** Whether nothing more can be added. */
  get closed() {
    return this.consultation.state === "finished" || this.consultation.state === "cancelled";
  }

  /** Whether prescriptions, referrals and certificates can be added: from the first call to the end. */
  get writable() {
    return this.consultation.state === "in-progress";
  }

  /** The latest word on it; null when nobody has said anything. @param {ConsentKind} kind @returns {Consent | null} */
  consent(kind) {
    return this.consents.filter((consent) => consent.kind === kind).at(-1) ?? null;
  }

  /** @param {ConsentKind} kind */
  granted(kind) {
    return this.consent(kind)?.state === "granted";
  }

  /** Everything there is, side by side. What fails is left as it was; without the intake `failure` says so. */
  async load() {
    await Promise.all([this.loadIntake(), this.refreshConsents(), this.refreshOutcome(), this.refreshInvitations()]);
    this.#changed();
  }

  /** Answers and summary in the page's language; one that came before stays until then. */
  async loadIntake() {
    this.failure = null;
    const lang = language();
    try {
      const intake = this.#intakes.get(lang) ?? (await this.#api.intake(this.id, lang));
      this.#intakes.set(lang, intake);
      if (lang !== language()) return; // switched meanwhile: the other one is on its way
      this.intake = intake;
    } catch (error) {
      if (lang !== language()) return;
      this.failure = error;
    }
    this.#changed();
  }

  /** Event `lost`: somebody else may have the patient now, for this doctor was gone for too long before calling. */
  async refresh() {
    await this.#quietly(async () => {
      try {
        this.take(await this.#api.consultation(this.id));
      } catch (error) {
        const lost = codeOf(error) === "not-found" && this.consultation.state === "triaged";
        if (lost) this.dispatchEvent(new Event("lost"));
        throw error;
      }
    });
  }

  async refreshConsents() {
    await this.#quietly(async () => {
      const consents = await this.#api.consents(this.id);
      this.consents = consents.sort((a, b) => Date.parse(a.at ?? "") - Date.parse(b.at ?? "") || 0);
    });
  }

  async refreshOutcome() {
    await this.#quietly(async () => { this.outcome = await this.#api.outcome(this.id); });
  }

  async refreshInvitations() {
    await this.#quietly(async () => { this.invitations = await this.#api.invitations(this.id); });
  }

  /** A newer state of it. @param {Consultation} consultation */
  take(consultation) {
    this.consultation = consultation;
    this.#changed();
  }

  /**
   * Something was said in the room; the server's own account of it follows.
   * @param {string} kind
   * @param {string} state
   */
  hear(kind, state) {
    const known = /** @type {Consent["state"]} */ (state);
    this.consents = [...this.consents,
      { kind: /** @type {ConsentKind} */ (kind), state: known, at: new Date().toISOString() }];
    this.#changed();
    void this.refreshConsents();
  }

  /**
   * @param {() => Promise<void>} work  that the page can do without for now: it is asked for again at the next occasion
   */
  async #quietly(work) {
    try {
      await work();
      this.#changed();
    } catch {
      // The panel shows what it had; a session that is over is told of by the api itself.
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
