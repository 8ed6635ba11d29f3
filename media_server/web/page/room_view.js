/** Everything on screen from joining to leaving. DOM only. */

import { Banner } from "./banner.js";
import { clockText } from "./clock.js";
import { openEnd, openSettings } from "./dialogs.js";
import { h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { Knocks } from "./knocks.js";
import { RecordingControl } from "./recording.js";
import { Stage, nameOf } from "./stage.js";
import { Toolbar } from "./toolbar.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("./i18n.js").TextKey} TextKey */

export class RoomView {
  #client;
  #media;
  #doctor;
  #announce;
  #status;
  #stage;
  #toolbar;
  #knocks;
  #banner;
  #recording;
  /** @type {import("../client/types.js").StatsSummary | null} */
  #stats = null;
  #clock = h("span.clock");
  #encrypted = h("span.lock", {}, icon("lock"), h("span"));
  #title = h("h1.hidden");
  /** When the first other person was there, ms; null before. @type {number | null} */
  #since = null;
  #timer;
  /** What those who are here are called, for when they have gone. @type {Map<string, string>} */
  #names = new Map();
  /** @type {(() => void)[]} */
  #stops = [];
  /** @type {WakeLockSentinel | null} */
  #wakeLock = null;
  element;

  /**
   * @param {TeleconsultClient} client
   * @param {LocalMedia} media
   * @param {boolean} doctor
   * @param {{announce: (text: string) => void, status: HTMLElement, tools?: HTMLElement[], leave?: () => void, words?: import("./recording.js").Words}} page
   *   `tools` are more buttons for the toolbar; `leave` is asked instead of leaving at once, `words` are of recording
   */
  constructor(client, media, doctor, { announce, status, tools = [], leave, words }) {
    this.#client = client;
    this.#media = media;
    this.#doctor = doctor;
    this.#announce = announce;
    this.#status = status;
    this.#stage = new Stage(client, media, doctor);
    this.#knocks = new Knocks(client);
    this.#banner = new Banner(client, media);
    this.#recording = new RecordingControl(client, announce, words);
    this.#toolbar = new Toolbar(media, doctor, {
      record: () => this.#recording.ask(),
      settings: () => openSettings(media, () => this.#stats),
      leave: leave ?? (() => doctor ? openEnd({ end: () => void this.#endForAll(), leave: () => void client.leave() }) : void client.leave()),
      say: (key) => announce(t(key)),
    }, tools);
    this.element = h("div.call", {}, this.#title, this.#recording.bar.element, this.#banner.element, this.#stage.element,
      h("div.corner", {}, this.#recording.card.element, this.#knocks.element), this.#toolbar.element);
    status.replaceChildren(this.#encrypted, this.#clock);
    media.addEventListener("change", this.#render);
    this.#stops = [client.on("change", this.#render), ...this.#listen()];
    this.#timer = setInterval(() => this.#tick(), 1_000);
    void this.#stayAwake();
    document.addEventListener("visibilitychange", this.#stayAwake);
    this.#render();
  }

  /** Seconds that somebody else was there. */
  get durationS() {
    return this.#since === null ? 0 : Math.round((Date.now() - this.#since) / 1000);
  }

  render() {
    this.#render();
  }

  close() {
    this.#stops.forEach((stop) => stop());
    this.#media.removeEventListener("change", this.#render);
    document.removeEventListener("visibilitychange", this.#stayAwake);
    document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
    clearInterval(this.#timer);
    void this.#wakeLock?.release();
    this.#banner.close();
    this.#recording.close();
    this.#stage.close();
    this.#status.replaceChildren();
  }

  #render = () => {
    const rating = this.#ownRating();
    this.#stage.render(rating);
    this.#recording.render();
    this.#knocks.render(this.#recording.on);
    this.#banner.render(rating);
    this.#toolbar.render(this.#recording.mayAsk);
    for (const other of this.#client.participants) this.#names.set(other.id, nameOf(other));
    const present = this.#client.participants.some(({ admitted }) => admitted) && this.#client.self?.admitted;
    if (present) this.#since ??= Date.now();
    this.element.classList.toggle("waiting", this.#client.self?.admitted === false);
    setText(/** @type {Element} */ (this.#encrypted.lastElementChild), t("call.encrypted"));
    this.#encrypted.title = t("call.encrypted");
    this.#encrypted.hidden = this.#client.mediaState !== "connected";
    this.#renderClock();
    this.#renderTitle();
  };

  /** A doctor who works in another tab sees there that somebody waits. */
  #renderTitle() {
    const waiting = this.#doctor ? this.#client.participants.filter(({ admitted }) => !admitted).length : 0;
    setText(this.#title, t("call.title"));
    const title = `${this.#recording.on ? "● " : ""}${waiting > 0 ? `(${waiting}) ` : ""}${t("call.title")} · Teleconsult`;
    if (document.title !== title) document.title = title;
  }

  #tick() {
    this.#recording.tick();
    this.#renderClock();
  }

  #renderClock() {
    this.#clock.hidden = this.#since === null;
    setText(this.#clock, clockText(this.durationS));
    this.#clock.title = t("call.duration");
  }

  /** The server sees both ends; our own figures fill in until it has spoken. */
  #ownRating() {
    const told = this.#client.self?.quality;
    if (told) return [told.uplink, told.downlink].sort((a, b) => RANK[b] - RANK[a])[0] ?? null;
    return this.#stats?.rating ?? null;
  }

  #listen() {
    const client = this.#client;
    const say = (/** @type {TextKey} */ key, /** @type {any} */ participant) =>
      participant && this.#announce(t(key, { name: nameOf(participant) }));
    let troubled = false;
    return [
      client.on("stats", (summary) => {
        this.#stats = summary;
        this.#render();
      }),
      client.on("problem", ({ code, source }) => {
        if (source === "camera" || source === "microphone") return; // told as a device that does not work
        this.#banner.tell(code);
      }),
      client.on("moved", () => this.#banner.tellMoved()),
      client.on("participant-joined", ({ participant }) => participant.admitted !== false && say("say.joined", participant)),
      client.on("participant-left", ({ id }) => {
        const name = this.#names.get(id);
        if (name !== undefined) this.#announce(t("say.left", { name }));
      }),
      client.on("knocking", ({ participant }) => say("knock.who", participant)),
      client.on("state", ({ state }) => {
        if (state === "connected" && troubled) this.#announce(t("say.reconnected"));
        troubled = state === "reconnecting";
      }),
    ];
  }

  async #endForAll() {
    try {
      await this.#client.end();
    } catch {
      await this.#client.leave(); // not reachable: at least hang up here
    }
  }

  /** A phone that dims its screen in the middle of a consultation ends it. */
  #stayAwake = async () => {
    if (document.visibilityState !== "visible") return;
    this.#wakeLock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  };
}

const RANK = { good: 0, fair: 1, poor: 2, lost: 3 };
