/** Every call of the consultation's HTTP interface that a page makes, typed. No DOM, no text for people. */

import { ApiError, Http } from "./http.js";

export { ApiError, codeOf } from "./http.js";

/** @typedef {import("./types.js").Consultation} Consultation */
/** @typedef {import("./types.js").Consent} Consent */
/** @typedef {import("./types.js").ConsentKind} ConsentKind */
/** @typedef {import("./types.js").Language} Language */
/** @typedef {import("./types.js").Me} Me */
/** @typedef {import("./types.js").Practitioner} Practitioner */

/**
 * Where to send the browser to log in; it comes back to `returnTo`, with `?login=refused|failed|expired` when it did not work.
 * @param {"patient" | "doctor"} role @param {string} returnTo @param {Language} language
 */
export function loginUrl(role, returnTo, language) {
  return `/v1/auth/itsme/login?${new URLSearchParams({ role, return_to: returnTo, ui_locales: language })}`;
}

/**
 * `events`: `logged-out` when the session turned out to be over.
 *
 *     const api = new Api();
 *     const me = await api.me();              // null when nobody is logged in
 *     api.addEventListener("logged-out", showLogin);
 */
export class Api extends EventTarget {
  #http = new Http(async () => (await this.me())?.csrf_token ?? "", () => this.dispatchEvent(new Event("logged-out")));
  /** Whether somebody was logged in on this page. */
  #known = false;
  /** Pages of one browser have one session: which of them ended it, the others hear here. */
  #others = new BroadcastChannel("teleconsult-session");

  constructor() {
    super();
    this.#others.addEventListener("message", () => void this.me().catch(() => {}));
  }

  // --- Who is here ---

  /** @returns {Promise<Me | null>} null when nobody is logged in */
  async me() {
    try {
      const me = await this.#quiet("/me");
      this.#http.csrf = me.csrf_token;
      this.#known = true;
      return me;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      if (this.#known) this.dispatchEvent(new Event("logged-out"));
      this.#known = false;
      return null;
    }
  }

  /** @returns {Promise<import("./types.js").LoginOptions>} */
  async loginOptions() {
    return this.#get("/login-options");
  }

  async logout() {
    await this.#post("/auth/logout");
    this.#known = false;
    this.#others.postMessage("over");
  }

  /** @param {boolean} on_duty @param {string[]} languages @returns {Promise<{on_duty: boolean, languages: string[]}>} */
  async setDuty(on_duty, languages) {
    return this.#put("/duty", { on_duty, languages });
  }

  /** @param {string} token  of the invitation @param {string} name @returns {Promise<{consultation: string}>} */
  async acceptInvitation(token, name) {
    const answer = await this.#post("/invitations/accept", { token, name });
    this.#http.csrf = answer.csrf_token;
    this.#known = true;
    return answer;
  }

  // --- Before the consultation ---

  /** @param {Language} lang @returns {Promise<import("./types.js").Questionnaire>} */
  async questionnaire(lang) {
    return this.#get(`/questionnaire?lang=${lang}`);
  }

  /** @param {Language} lang @returns {Promise<import("./types.js").StopScreen>} */
  async stopScreen(lang) {
    return this.#get(`/stop-screen?lang=${lang}`);
  }

  /** @param {Language} lang @returns {Promise<import("./types.js").ConsentText[]>} */
  async consentTexts(lang) {
    return this.#get(`/consent-texts?lang=${lang}`);
  }

  /** @returns {Promise<import("./types.js").IntakeDraft | null>} null when there is none */
  async intakeDraft() {
    return this.#get("/intake-draft").catch(noneIfNotFound);
  }

  /** @param {import("./types.js").IntakeDraft} draft */
  async saveIntakeDraft(draft) {
    await this.#put("/intake-draft", draft);
  }

  async discardIntakeDraft() {
    await this.#http.request("DELETE", "/intake-draft");
  }

  /** @param {{choice: "call-112" | "continue", flags: string[], questionnaire_version: string}} warning */
  async intakeWarning(warning) {
    await this.#post("/intake-warnings", warning);
  }

  /** @param {import("./types.js").NewConsultation} consultation @returns {Promise<Consultation>} */
  async createConsultation(consultation) {
    return this.#post("/consultations", consultation);
  }

  // --- One consultation ---

  /** @returns {Promise<Consultation[]>} a patient's of the last day; a doctor's present ones */
  async consultations() {
    return (await this.#get("/consultations")).consultations;
  }

  /** @param {string} id @returns {Promise<Consultation>} */
  async consultation(id) {
    return this.#get(`/consultations/${id}`);
  }

  /** @param {string} id @returns {Promise<Consultation>} */
  async cancel(id) {
    return this.#post(`/consultations/${id}/cancel`);
  }

  /** The doctor has vanished: to wait for another one. @param {string} id @returns {Promise<Consultation>} */
  async returnToQueue(id) {
    return this.#post(`/consultations/${id}/return-to-queue`);
  }

  /** @param {string} id @returns {Promise<import("./types.js").Ticket>} */
  async ticket(id) {
    return this.#post(`/consultations/${id}/ticket`, {});
  }

  /** @param {string} id @returns {Promise<Consent[]>} */
  async consents(id) {
    return (await this.#get(`/consultations/${id}/consents`)).consents;
  }

  /**
   * @param {string} id @param {ConsentKind} kind @param {boolean} granted @param {string} text_version
   * @param {{recipient?: Practitioner | undefined, invitation?: string | undefined}} [about]  the report's; that of the guest
   * @returns {Promise<Consent>}
   */
  async setConsent(id, kind, granted, text_version, { recipient, invitation } = {}) {
    return this.#put(`/consultations/${id}/consents/${kind}`, {
      granted, text_version, ...(recipient ? { recipient } : {}), ...(invitation ? { guest: { invitation } } : {}),
    });
  }

  /** @param {string} id @param {ConsentKind} kind @returns {Promise<Consent>} */
  async requestConsent(id, kind) {
    return this.#post(`/consultations/${id}/consents/${kind}/request`);
  }

  /** @param {string} id @param {Blob} file @returns {Promise<import("./types.js").Attachment>} */
  async attach(id, file) {
    return this.#http.request("POST", `/consultations/${id}/attachments`, { raw: file });
  }

  /** @param {string} id @param {string} attachment @returns {Promise<Blob>} */
  async attachment(id, attachment) {
    return this.#http.request("GET", `/consultations/${id}/attachments/${attachment}`, { blob: true });
  }

  /** @param {string} id @returns {Promise<import("./types.js").Invitation[]>} */
  async invitations(id) {
    const answer = await this.#get(`/consultations/${id}/invitations`);
    return Array.isArray(answer) ? answer : answer.invitations;
  }

  /** @param {string} id @param {string} label @param {string} [name] @returns {Promise<{id: string, url: string, expires_at: string}>} */
  async invite(id, label, name) {
    return this.#post(`/consultations/${id}/invitations`, { label, ...(name ? { name } : {}) });
  }

  /** Its link works no more, and whoever came by it is put out. @param {string} id @param {string} invitation */
  async takeInvitationBack(id, invitation) {
    await this.#http.request("DELETE", `/consultations/${id}/invitations/${invitation}`);
  }

  /** @param {string} id @returns {Promise<import("./types.js").Outcome>} */
  async outcome(id) {
    return this.#get(`/consultations/${id}/outcome`);
  }

  // --- The patient's, afterwards ---

  /** @param {string} id @param {Language} lang @returns {Promise<string>} an HTML document */
  async copy(id, lang) {
    return this.#http.request("GET", `/consultations/${id}/copy?lang=${lang}`, { text: true });
  }

  /** @param {string} id @param {number} score  1 to 5 */
  async rate(id, score) {
    await this.#post(`/consultations/${id}/rating`, { score });
  }

  /** @returns {Promise<import("./types.js").AuditEntry[]>} */
  async auditTrail() {
    const answer = await this.#get("/audit-trail");
    return Array.isArray(answer) ? answer : (answer.entries ?? answer.audit_trail ?? []);
  }

  // --- The doctor's ---

  /** @returns {Promise<{waiting: import("./types.js").Waiting[], claimed: string[]}>} */
  async queue() {
    return this.#get("/queue");
  }

  /** The next one, or a certain one. @param {string} [consultation] @returns {Promise<Consultation>} */
  async claim(consultation) {
    return this.#post("/queue/claim", consultation ? { consultation } : {});
  }

  /** @param {string} id */
  async giveBack(id) {
    await this.#post(`/consultations/${id}/give-back`);
  }

  /** @param {string} id @returns {Promise<{attempt: number}>} */
  async call(id) {
    return this.#post(`/consultations/${id}/call`);
  }

  /** @param {string} id @returns {Promise<Consultation>} */
  async missedCall(id) {
    return this.#post(`/consultations/${id}/missed-call`);
  }

  /** @param {string} id @param {Language} lang  of questions and summary @returns {Promise<import("./types.js").Intake>} */
  async intake(id, lang) {
    return this.#get(`/consultations/${id}/intake?lang=${lang}`);
  }

  /** @param {string} id @returns {Promise<{resourceType: "Bundle", entry?: {resource: Record<string, any>}[]}>} */
  async medicalFile(id) {
    return this.#get(`/consultations/${id}/medical-file`);
  }

  /** @param {string} id @returns {Promise<{text: string}>} */
  async note(id) {
    return this.#get(`/consultations/${id}/note`).catch((error) => noneIfNotFound(error) ?? { text: "" });
  }

  /** @param {string} id @param {string} text */
  async saveNote(id, text) {
    await this.#put(`/consultations/${id}/note`, { text });
  }

  /**
   * @param {string} id @param {{atc: string, display: string, dose: string, quantity?: number}} prescription
   * @returns {Promise<{id: string, decision: "allowed", rule_version: string}>}
   */
  async prescribe(id, prescription) {
    return this.#post(`/consultations/${id}/prescriptions`, prescription);
  }

  /**
   * @param {string} id @param {{to: string, specialty?: string, urgency: string, reason: string}} referral
   * @returns {Promise<{id: string}>}
   */
  async refer(id, referral) {
    return this.#post(`/consultations/${id}/referrals`, referral);
  }

  /** @param {string} id @param {string} from @param {string} to @returns {Promise<{id: string}>} */
  async certify(id, from, to) {
    return this.#post(`/consultations/${id}/certificates`, { kind: "attendance", from, to });
  }

  /** @param {string} id @param {import("./types.js").OutcomeKind} outcome @param {string} [icpc2] @returns {Promise<Consultation>} */
  async close(id, outcome, icpc2) {
    return this.#post(`/consultations/${id}/close`, { outcome, ...(icpc2 ? { icpc2 } : {}) });
  }

  /** To the GP the patient named. @param {string} id @returns {Promise<{state: string}>} */
  async report(id) {
    return this.#post(`/consultations/${id}/report`);
  }

  // --- Recordings ---

  /** @param {string} [consultation] @returns {Promise<any>} */
  async recordings(consultation) {
    return this.#get(`/recordings${consultation ? `?consultation=${consultation}` : ""}`);
  }

  /** @param {string} id */
  async eraseRecording(id) {
    await this.#http.request("DELETE", `/recordings/${id}`);
  }

  /** @param {string} path */
  #get(path) {
    return this.#http.request("GET", path);
  }

  /** Without word to the page that the session is over: that is the question. @param {string} path */
  #quiet(path) {
    return new Http(async () => "", () => {}).request("GET", path);
  }

  /** @param {string} path @param {unknown} [json] */
  #post(path, json) {
    return this.#http.request("POST", path, { json });
  }

  /** @param {string} path @param {unknown} json */
  #put(path, json) {
    return this.#http.request("PUT", path, { json });
  }
}

/** @param {unknown} error @returns {null} */
function noneIfNotFound(error) {
  if (error instanceof ApiError && error.status === 404) return null;
  throw error;
}
