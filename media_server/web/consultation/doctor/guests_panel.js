/**
 * Interpreters, relatives and colleagues: a link for each, and whoever has come by one waits here to be let in. The
 * server lets nobody in before the patient has agreed. DOM only.
 */

import { h } from "../../page/dom.js";
import { ApiError, codeOf } from "../api.js";
import { errorText } from "./errors.js";
import { momentText } from "../i18n.js";
import { confirmed } from "../parts/dialog.js";
import { choiceField, required, validate } from "../parts/fields.js";
import { toast } from "../parts/toast.js";
import { acting, complain, complaintLine, redraw } from "./acting.js";
import { askConsent } from "./consents_panel.js";
import { coded, t, words } from "./i18n.js";
import { LastingForm } from "./lasting_form.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */
/** @typedef {import("../types.js").Invitation} Invitation */
/** @typedef {import("../../client.js").TeleconsultClient} TeleconsultClient */

const KIND = "third_party_presence";
/** Of an invitation, and of who came by it. */
const TONES = /** @type {Record<string, string>} */ ({ open: "brand", waiting: "warn", present: "good" });
const LABELS = /** @type {const} */ (["interpreter", "relative", "colleague"]);

export class GuestsPanel {
  #api;
  #case;
  #client;
  #inCall;
  #gate = h("div");
  #people = h("ul.people");
  #invitations = h("ul.items");
  #link = h("div.link-box", { role: "status" });
  #complaint = complaintLine();
  #form;
  #button = h("button.secondary", { type: "submit", "data-action": "invite" }, symbol("link"), words("guests.make"));
  /**
   * The link made last; it is shown once, the server keeps none.
   * @type {{id: string, url: string, expires: string, label: string} | null}
   */
  #made = null;
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {OpenCase} open
   * @param {TeleconsultClient} client
   * @param {() => boolean} inCall
   */
  constructor(api, open, client, inCall) {
    this.#api = api;
    this.#case = open;
    this.#client = client;
    this.#inCall = inCall;
    this.#form = new LastingForm(() => this.#build(), () => void this.#invite());
    this.element = h("div.panel-body", {},
      h("header.panel-head", {}, h("h2", {}, words("guests.title"))), h("p.fine", {}, words("guests.lead")),
      this.#gate, this.#people, this.#complaint, this.#form.element, this.#link, this.#invitations);
    this.render();
  }

  /** How many wait to be let in. */
  get waiting() {
    return this.#inCall() ? this.#guests.filter(({ admitted }) => !admitted).length : 0;
  }

  render() {
    const consent = this.#case.consent(KIND)?.state ?? "none";
    const { closed } = this.#case;
    redraw(this.#gate, [consent, this.#inCall(), closed],
      () => closed || consent === "granted" ? [] : [this.#consentNotice(consent)]);
    const guests = this.#inCall() ? this.#guests.map(({ id, name, admitted }) => ({ id, name, admitted })) : [];
    redraw(this.#people, guests, () => guests.map((guest) => this.#person(guest)));
    this.#people.hidden = guests.length === 0;
    this.#form.element.hidden = closed;
    const invitations = this.#case.invitations.map((each) => ({ ...each, stand: this.#standOf(each) }));
    // A link that was used, taken back, or has expired is of no use to anybody.
    if (invitations.some(({ id, state }) => id === this.#made?.id && state !== "open")) this.#made = null;
    redraw(this.#link, this.#made, () => this.#made === null ? [] : linkPart(this.#made));
    this.#link.hidden = this.#made === null || closed;
    redraw(this.#invitations, [invitations, closed], () => invitations.map((each) => this.#invitation(each)));
    this.#invitations.hidden = invitations.length === 0;
  }

  relabel() {
    this.#form.rebuild();
    this.render();
  }

  /**
   * What has become of it: of one that was used, where its guest is now.
   * @param {Invitation} invitation
   */
  #standOf({ state, participant }) {
    if (state !== "used" || !this.#inCall()) return state;
    const guest = this.#guests.find(({ id }) => id === participant);
    return guest === undefined ? state : guest.admitted ? "present" : "waiting";
  }

  /** @param {Invitation & {stand: string}} invitation */
  #invitation({ id, label, state, stand }) {
    const who = coded("guests.label", label);
    const back = h("button.secondary.small",
      { type: "button", "data-take-back": id, onclick: () => void this.#takeBack(back, id, state) },
      h("span", {}, t("guests.back")), h("span.hidden", {}, `: ${who}`));
    const living = !this.#case.closed && (state === "open" || state === "used");
    return h("li", { "data-state": stand }, symbol("link"), h("div", {}, h("strong", {}, who)),
      h("span.acts-end", {}, h(`span.tag.${TONES[stand] ?? "calm"}`, {}, coded("guests.state", stand)),
        living ? back : null));
  }

  /**
   * A link that nobody has used yet is taken back at once; putting somebody out wants a second thought.
   * @param {HTMLButtonElement} button @param {string} id @param {Invitation["state"]} state
   */
  async #takeBack(button, id, state) {
    const work = () => this.#api.takeInvitationBack(this.#case.id, id);
    const done = state === "used"
      ? await confirmed(t("guests.back.title"), t("guests.back.lead"), t("guests.back"), work, "danger")
      : await acting(button, this.#complaint, work);
    if (!done) return;
    await this.#case.refreshInvitations();
    toast(t("guests.back.done"));
  }

  get #guests() {
    return this.#client.participants.filter(({ role }) => role === "guest");
  }

  #build() {
    const fields = {
      label: choiceField({ label: t("guests.who"), required: true, compact: true, value: ["interpreter"],
        options: LABELS.map((value) => ({ value, label: t(`guests.label.${value}`) })) }),
    };
    return { fields, children: [fields.label.element, h("div.row", {}, this.#button)] };
  }

  /** @param {string} consent */
  #consentNotice(consent) {
    const askable = consent !== "requested" && this.#inCall();
    const ask = h("button.secondary.small", { type: "button", "data-ask": KIND, onclick: () => void this.#ask(ask) },
      t("guests.ask"));
    return h("div.notice.info", {}, symbol(consent === "requested" ? "clock" : "consent"),
      h("div.stack.tight", {}, h("p", {}, coded("guests.consent", consent)), askable ? ask : null));
  }

  /** @param {HTMLButtonElement} button */
  async #ask(button) {
    await acting(button, this.#complaint, () => askConsent(this.#api, this.#case, KIND));
  }

  /** @param {{id: string, name: string, admitted: boolean}} guest */
  #person({ id, name, admitted }) {
    const called = name || t("guests.somebody");
    const admit = h("button.primary.small",
      { type: "button", "data-admit": id, onclick: () => void this.#decide(admit, "admit", id) },
      h("span", {}, t("guests.admit")), h("span.hidden", {}, ` ${called}`));
    const remove = h("button.secondary.small",
      { type: "button", "data-remove": id, onclick: () => void this.#decide(remove, "remove", id) },
      h("span", {}, t(admitted ? "guests.remove" : "guests.refuse")), h("span.hidden", {}, ` ${called}`));
    return h("li", { class: admitted ? null : "knocking" }, h("span.disc", {}, symbol(admitted ? "person" : "door")),
      h("div", {}, h("strong", {}, called), h("small", {}, t(admitted ? "guests.present" : "guests.knocking"))),
      h("span.acts-end", {}, admitted ? null : admit, remove));
  }

  /** @param {HTMLButtonElement} button @param {"admit" | "remove"} act @param {string} id */
  async #decide(button, act, id) {
    await acting(button, this.#complaint, async () => {
      try {
        await this.#client[act](id);
      } catch (error) {
        // Refused in the room, not by the HTTP interface: the code is the same, the error is another class.
        complainOf(this.#complaint, error);
      }
    });
    this.render();
  }

  async #invite() {
    const { label } = this.#form.fields;
    if (!validate([[label, required]])) return;
    await acting(this.#button, this.#complaint, async () => {
      const made = await this.#api.invite(this.#case.id, label.value[0]);
      this.#made = { id: made.id, url: made.url, expires: made.expires_at, label: label.value[0] };
      this.render();
      this.#link.querySelector("button")?.focus();
      await this.#case.refreshInvitations();
    });
  }
}

/** @param {HTMLElement} line @param {unknown} error */
function complainOf(line, error) {
  const code = error instanceof Error && "code" in error ? String(error.code) : codeOf(error);
  complain(line, code === "consent-needed" ? t("guests.refused") : errorText(new ApiError(0, code)));
}

/** @param {{url: string, expires: string, label: string}} made  @returns {Node[]} */
function linkPart({ url, expires, label }) {
  const field = h("input", { type: "text", readonly: true, "aria-label": t("guests.link"),
    onfocus: () => field.select() });
  field.value = url;
  const copy = h("button.primary", { type: "button", "data-action": "copy-link", onclick: async () => {
    field.select();
    await navigator.clipboard.writeText(url).then(() => toast(t("copied")), () => toast(t("copied.not"), "bad"));
  } }, symbol("copy"), t("guests.copy"));
  return [h("strong", {}, t("guests.made", { who: coded("guests.label", label) })), h("div.link-row", {}, field, copy),
    h("small", {}, t("guests.once", { until: momentText(expires) }))];
}
