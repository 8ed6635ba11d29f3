/**
 * Between consultations: on duty or not, who waits, and the consultations this doctor has open. Asks the server every
 * two seconds, but only while somebody looks at it and the doctor is on duty. DOM only.
 */

import { h, setText } from "../../page/dom.js";
import { ApiError } from "../api.js";
import { dateText } from "../i18n.js";
import { acting, complain, complaintLine, redraw } from "./acting.js";
import { DutyCard } from "./duty_card.js";
import { coded, t, words } from "./i18n.js";
import { errorText } from "./errors.js";
import { nihdiText } from "../identifiers.js";
import { QueueList } from "./queue_list.js";
import { symbol } from "./symbols.js";

/** @typedef {import("../types.js").Consultation} Consultation */
/** @typedef {import("../types.js").Waiting} Waiting */

const POLL_MS = 2_000;

export class DeskView {
  #api;
  #me;
  #announce;
  #open;
  /** @type {Waiting[]} */
  #waiting = [];
  /** Whether the queue has been seen; what failed when it was last asked for. */
  #seen = false;
  #lost = false;
  /** @type {Consultation[]} */
  #own = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closed = false;
  #complaint = complaintLine();
  #title = h("h1");
  #identity = h("p.lead");
  #duty;
  #queue;
  #ownList = h("ul.own-list");
  #ownCard;
  element;

  /**
   * @param {import("../api.js").Api} api
   * @param {import("../types.js").Me & {doctor: import("../types.js").MeDoctor}} me
   * @param {{announce: (text: string) => void, open: (consultation: Consultation) => void}} page
   */
  constructor(api, me, { announce, open }) {
    this.#api = api;
    this.#me = me;
    this.#announce = announce;
    this.#open = open;
    this.#duty = new DutyCard(me.doctor, (on, languages) => this.#setDuty(on, languages));
    this.#queue = new QueueList((button, consultation) => void this.#claim(button, consultation));
    this.#ownCard = h("section.card.own", { "aria-labelledby": "own-title", hidden: true },
      h("h2", { id: "own-title" }, words("own.title")), this.#ownList);
    this.element = h("div.desk", {}, h("header.desk-head", {}, this.#title, this.#identity),
      h("div.desk-side", {}, this.#duty.element, this.#ownCard),
      h("div.desk-main", {}, this.#complaint, this.#queue.element));
    document.addEventListener("visibilitychange", this.#look);
    this.render();
    void this.#askOwn();
    void this.#poll();
  }

  /** What the keyboard does here. @returns {Record<string, () => void>} */
  get keys() {
    return { k: () => this.#queue.next.checkVisibility() && this.#queue.next.click() };
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#look);
  }

  render() {
    setText(this.#title, t("desk.title", { name: this.#me.family_name ?? this.#me.name }));
    setText(this.#identity, this.#identityText());
    this.#duty.render(this.#me.doctor);
    this.#renderQueue();
    this.#renderOwn();
  }

  #identityText() {
    const { nihdi, qualification } = this.#me.doctor;
    return `${this.#me.name} · ${coded("qualification", qualification)} · RIZIV/INAMI ${nihdiText(nihdi)}`;
  }

  #renderQueue() {
    const on = this.#me.doctor.on_duty;
    const stand = !on ? "off" : this.#lost ? "lost" : !this.#seen ? "loading" : "some";
    this.#queue.render(stand, this.#waiting, Date.now());
    const count = on ? this.#waiting.length : 0;
    const title = `${count > 0 ? `(${count}) ` : ""}${t("desk.tab")} · Teleconsult`;
    if (document.title !== title) document.title = title;
  }

  #renderOwn() {
    this.#ownCard.hidden = this.#own.length === 0;
    redraw(this.#ownList, this.#own, () => this.#own.map((one) => this.#ownLine(one)));
  }

  /** @param {Consultation} consultation */
  #ownLine(consultation) {
    const { state, patient } = consultation;
    const open = () => this.#open(consultation);
    return h("li", {}, h("button.own", { type: "button", "data-open": consultation.id, onclick: open },
      h("span", {}, h("strong", {}, patient?.name ?? t("own.somebody")),
        h("small", {}, patient?.birthdate ? dateText(patient.birthdate) : "")),
      h(`span.tag.${state === "in-progress" ? "brand" : "calm"}`, {}, coded("state", state)), symbol("arrow")));
  }

  /** @param {boolean} on @param {string[]} languages */
  async #setDuty(on, languages) {
    const answer = await this.#api.setDuty(on, languages);
    Object.assign(this.#me.doctor, { on_duty: answer.on_duty, duty_languages: answer.languages });
    this.#seen = false;
    this.#announce(t(answer.on_duty ? "duty.on" : "duty.off"));
    this.render();
    void this.#poll();
  }

  /** @param {HTMLButtonElement} button @param {string} [consultation] */
  async #claim(button, consultation) {
    await acting(button, this.#complaint, async () => this.#open(await this.#api.claim(consultation)));
    if (!this.#closed) void this.#poll(); // somebody else was faster: what is left?
  }

  async #askOwn() {
    try {
      const all = await this.#api.consultations();
      this.#own = all.filter(({ state }) => state === "triaged" || state === "in-progress");
      this.#renderOwn();
    } catch (error) {
      complain(this.#complaint, errorText(error));
    }
  }

  #look = () => void this.#poll();

  async #poll() {
    clearTimeout(this.#timer);
    if (this.#closed || document.visibilityState !== "visible" || !this.#me.doctor.on_duty) return;
    try {
      const { waiting } = await this.#api.queue();
      if (this.#closed) return;
      const more = this.#seen && waiting.length > this.#waiting.length;
      if (more) this.#announce(t("queue.arrived", { count: waiting.length }));
      [this.#waiting, this.#seen, this.#lost] = [waiting, true, false];
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof ApiError && error.code === "not-on-duty") await this.#askDuty();
      else this.#lost = true;
    }
    this.#renderQueue();
    this.#timer = setTimeout(() => void this.#poll(), POLL_MS);
  }

  /** The server has taken this doctor off duty, such as when a registration has lapsed: it tells why. */
  async #askDuty() {
    const me = await this.#api.me().catch(() => null);
    if (!me?.doctor) return;
    Object.assign(this.#me.doctor, me.doctor);
    this.render();
  }
}
