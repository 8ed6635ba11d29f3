/** The call itself, beside the doctor's papers: pictures, sound, recording and the buttons. DOM only. */

import { Banner } from "../../page/banner.js";
import { clockText } from "../../page/clock.js";
import { openSettings } from "../../page/dialogs.js";
import { h, setText } from "../../page/dom.js";
import { t as page } from "../../page/i18n.js";
import { RecordingControl } from "../../page/recording.js";
import { Stage, nameOf } from "../../page/stage.js";
import { Toolbar } from "../../page/toolbar.js";
import { t, words, worded } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("../../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../../page/local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("./open_case.js").OpenCase} OpenCase */

/**
 * @typedef {object} LiveActs
 * @property {(text: string) => void} announce
 * @property {HTMLElement} status  where the clock goes
 * @property {() => void} hangUp
 * @property {() => void} missed   nobody answers
 * @property {() => void} showGuests
 * @property {import("../../page/recording.js").Words} words  of recording
 */

const ADMIT_AGAIN_MS = 1_500;

export class LivePart {
  #case;
  #client;
  #media;
  #page;
  #stage;
  #banner;
  #toolbar;
  #recording;
  #ringing = h("div.ringing", { role: "status" });
  #ringTitle = h("h2");
  #ringLead = h("p");
  #knock = h("button.knock-note", { type: "button", "data-action": "guests", hidden: true });
  #knockText = h("span");
  #lock = h("span.lock", {}, symbol("lock"), h("span.lock-text"));
  #clock = h("span.clock");
  /** When the patient was first there, ms. @type {number | null} */
  #since = null;
  #timer;
  /** Whom the room is just being asked to let in. @type {Set<string>} */
  #admitting = new Set();
  /** Names of those who are here, for when they have gone. @type {Map<string, string>} */
  #names = new Map();
  /** @type {import("../../client/types.js").StatsSummary | null} */
  #stats = null;
  /** @type {WakeLockSentinel | null} */
  #wakeLock = null;
  #stops;
  element;

  /**
   * @param {OpenCase} open @param {TeleconsultClient} client @param {LocalMedia} media
   * @param {LiveActs} acts
   */
  constructor(open, client, media, acts) {
    this.#case = open;
    this.#client = client;
    this.#media = media;
    this.#page = acts;
    this.#stage = new Stage(client, media, true);
    this.#banner = new Banner(client, media);
    this.#recording = new RecordingControl(client, acts.announce, acts.words);
    this.#toolbar = new Toolbar(media, true, {
      record: () => this.#recording.ask(),
      settings: () => openSettings(media, () => this.#stats),
      leave: acts.hangUp,
      say: (key) => acts.announce(page(key)),
    });
    this.#knock.append(symbol("door"), this.#knockText);
    this.#knock.addEventListener("click", acts.showGuests);
    this.#ringing.append(h("div.breath", {}, symbol("phone")), this.#ringTitle, this.#ringLead,
      h("button.act", { type: "button", "data-action": "missed", onclick: acts.missed }, symbol("missed"),
        words("ready.missed")));
    this.#stage.element.append(this.#ringing);
    this.element = h("div.call.beside", {}, this.#recording.bar.element, this.#banner.element, this.#stage.element,
      h("div.corner", {}, this.#recording.card.element, this.#knock), this.#toolbar.element);
    acts.status.replaceChildren(this.#lock, this.#clock);
    media.addEventListener("change", this.#render);
    this.#stops = [client.on("change", this.#render), ...this.#listen()];
    this.#timer = setInterval(() => this.#tick(), 1_000);
    void this.#stayAwake();
    document.addEventListener("visibilitychange", this.#stayAwake);
    this.#render();
  }

  /** Whether this room can be recorded; null while that is not known. */
  get recordable() {
    return this.#client.room?.recording.available ?? null;
  }

  record() {
    if (this.#recording.mayAsk) this.#recording.ask();
  }

  /** @param {"microphone" | "camera" | "screen" | "settings" | "leave"} action  as the button's */
  press(action) {
    const button = this.element.querySelector(`.toolbar [data-action="${action}"]`);
    if (button instanceof HTMLButtonElement && button.checkVisibility()) button.click();
  }

  render() {
    this.#render();
  }

  close() {
    this.#stops.forEach((stop) => stop());
    this.#media.removeEventListener("change", this.#render);
    document.removeEventListener("visibilitychange", this.#stayAwake);
    clearInterval(this.#timer);
    void this.#wakeLock?.release();
    this.#banner.close();
    this.#recording.close();
    this.#stage.close();
    this.#page.status.replaceChildren();
  }

  get #patient() {
    return this.#client.participants.find(({ role }) => role === "patient");
  }

  #render = () => {
    const rating = this.#ownRating();
    this.#stage.render(rating);
    this.#recording.render();
    this.#banner.render(rating);
    this.#toolbar.render(this.#recording.mayAsk);
    for (const other of this.#client.participants) this.#names.set(other.id, nameOf(other));
    const patient = this.#patient;
    if (patient && !patient.admitted) void this.#letIn(patient.id);
    if (patient?.admitted) this.#since ??= Date.now();
    this.#renderRinging(patient);
    this.#renderKnock();
    setText(/** @type {Element} */ (this.#lock.lastElementChild), page("call.encrypted"));
    this.#lock.title = page("call.encrypted");
    this.#lock.hidden = this.#client.mediaState !== "connected";
    this.#tick();
  };

  /** The doctor called: the patient need not be let in by hand. @param {string} id */
  async #letIn(id) {
    if (this.#admitting.has(id) || !this.#client.self) return;
    this.#admitting.add(id);
    try {
      await this.#client.admit(id);
    } catch {
      setTimeout(() => {
        this.#admitting.delete(id);
        this.#render();
      }, ADMIT_AGAIN_MS);
      return;
    }
    this.#admitting.delete(id);
  }

  /** @param {import("../../client.js").Participant | undefined} patient */
  #renderRinging(patient) {
    const name = this.#case.consultation.patient?.name ?? t("own.somebody");
    this.#ringing.hidden = patient?.admitted === true;
    worded(this.#ringTitle, this.#since === null ? "ringing.title" : "ringing.gone", { name });
    worded(this.#ringLead, patient ? "ringing.there" : this.#since === null ? "ringing.away" : "ringing.back");
  }

  #renderKnock() {
    const waiting = this.#client.participants.filter(({ role, admitted }) => role === "guest" && !admitted);
    this.#knock.hidden = waiting.length === 0;
    setText(this.#knockText, waiting.length === 0 ? "" : page("knock.who", { name: waiting.map(nameOf).join(", ") }));
  }

  #tick() {
    this.#recording.tick();
    this.#clock.hidden = this.#since === null;
    setText(this.#clock, clockText(this.#since === null ? 0 : Math.round((Date.now() - this.#since) / 1000)));
    this.#clock.title = page("call.duration");
  }

  /** The server sees both ends; our own figures fill in until it has spoken. */
  #ownRating() {
    const told = this.#client.self?.quality;
    if (!told) return this.#stats?.rating ?? null;
    return [told.uplink, told.downlink].sort((a, b) => RANK[b] - RANK[a])[0] ?? null;
  }

  #listen() {
    const client = this.#client;
    let troubled = false;
    return [
      client.on("stats", (summary) => {
        this.#stats = summary;
        this.#render();
      }),
      client.on("problem", ({ code, source }) => {
        if (source !== "camera" && source !== "microphone") this.#banner.tell(code); // those are told as devices
      }),
      client.on("moved", () => this.#banner.tellMoved()),
      client.on("participant-admitted",
        ({ id }) => this.#page.announce(page("say.joined", { name: this.#names.get(id) ?? "" }))),
      client.on("participant-left", ({ id }) => {
        const name = this.#names.get(id);
        if (name !== undefined) this.#page.announce(page("say.left", { name }));
      }),
      client.on("knocking", ({ participant }) => {
        if (participant.role === "guest") this.#page.announce(page("knock.who", { name: nameOf(participant) }));
      }),
      client.on("state", ({ state }) => {
        if (state === "connected" && troubled) this.#page.announce(page("say.reconnected"));
        troubled = state === "reconnecting";
      }),
    ];
  }

  /** A screen that dims in the middle of a consultation ends it. */
  #stayAwake = async () => {
    if (document.visibilityState !== "visible") return;
    this.#wakeLock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  };
}

const RANK = { good: 0, fair: 1, poor: 2, lost: 3 };
