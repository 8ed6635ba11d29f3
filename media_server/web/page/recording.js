/**
 * Recording as the people in a call meet it: asking for it, answering, the mark while it is on, and word of what became
 * of it. The server decides all of it; here it is shown and told. DOM only.
 */

import { codeOf, isFinal } from "../client/errors.js";
import { clockText } from "./clock.js";
import { ConsentCard, consentPoints } from "./consent_card.js";
import { openRecord } from "./dialogs.js";
import { language, t } from "./i18n.js";
import { RecordingBar } from "./recording_bar.js";
import { askedText, askerText, hasGap, newsOf, whyText } from "./recording_news.js";
import { nameOf } from "./stage.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client/recording.js").Recording} Recording */
/** @typedef {import("../client/types.js").ConsentAnswer} ConsentAnswer */

/**
 * What people agree to, which the ledger names.
 * @typedef {object} Words
 * @property {() => HTMLElement} draw  in the language of now
 * @property {() => string} version    of what was drawn in it; throws while it could not be
 */

/** Which words of ours people agreed to; a test renews it with them. */
const CONSENT_TEXT = "recording-1";
const TOLD_MS = 20_000;
const RETRY_MS = 2_000;
/** Where there is no service to have a text of its own. @type {Words} */
const OWN = { draw: consentPoints, version: () => `${CONSENT_TEXT}.${language()}` };

export class RecordingControl {
  #client;
  #announce;
  #words;
  /** What is on screen: null while this person is not in the room. @type {Recording | null} */
  #shown = null;
  /** When it went on by this device's clock, ms. */
  #since = 0;
  /** Whether the card with who agreed was asked for while it is on. */
  #expanded = false;
  /** What was said last, in the language of now. @type {{text: () => string, bad: boolean} | null} */
  #note = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #noteTimer;
  /** An answer the server has not confirmed. @type {ConsentAnswer | null} */
  #wish = null;
  #sending = false;
  /** Whether it did not get through at first. */
  #late = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** What those who are here are called, for when they have gone. @type {Map<string, string>} */
  #names = new Map();
  #stops;
  bar;
  card;

  /** @param {TeleconsultClient} client @param {(text: string) => void} announce @param {Words} [words] */
  constructor(client, announce, words = OWN) {
    this.#client = client;
    this.#announce = announce;
    this.#words = words;
    this.bar = new RecordingBar({
      people: () => this.#expand(!this.#expanded),
      withdraw: () => void this.#answer("withdrawn"),
      stop: () => void this.#stop(),
      dismiss: () => this.#tell(null),
    });
    this.card = new ConsentCard({
      allow: () => void this.#answer("granted"),
      refuse: () => void this.#answer("refused"),
      withdraw: () => void this.#answer("withdrawn"),
      cancel: () => void this.#stop(),
      close: () => this.#expand(false),
    }, words.draw);
    this.#stops = [
      client.on("state", ({ state }) => state === "connected" && void this.#send()),
      client.on("consent", ({ kind, state, participant }) => {
        if (kind === "recording" && state === "granted" && participant && participant !== client.self?.id) {
          announce(t("say.agreed", { name: this.#nameOf(participant) }));
        }
      }),
    ];
  }

  /** Whether the mark is to be seen. */
  get on() {
    return this.#shown?.state === "on";
  }

  /** Whether this person may ask for a recording now. */
  get mayAsk() {
    return this.#mayRecord && this.#shown?.state === "off" && this.#shown.available;
  }

  /** The person wants to record: tell what that means, and ask for their own consent first. */
  ask() {
    openRecord(() => void this.#start(), this.#words.draw());
  }

  render() {
    const { self, room, participants } = this.#client;
    for (const other of participants) this.#names.set(other.id, nameOf(other));
    const before = this.#shown;
    this.#shown = room && self?.admitted ? room.recording : null;
    this.#report(before, this.#shown);
    if (!this.on) this.#expanded = false;
    this.#draw();
  }

  /** A second has passed. */
  tick() {
    this.bar.tick(this.#time);
  }

  close() {
    this.#stops.forEach((stop) => stop());
    clearTimeout(this.#noteTimer);
    clearTimeout(this.#retryTimer);
  }

  get #mayRecord() {
    return this.#client.self?.grants.includes("record") === true;
  }

  get #time() {
    return clockText(Math.max(0, Math.floor((Date.now() - this.#since) / 1000)));
  }

  /** Those in the room, oneself first. */
  get #present() {
    const { self, participants } = this.#client;
    return [...(self ? [self] : []), ...participants.filter(({ admitted }) => admitted)];
  }

  /** @returns {import("./recording_news.js").People} */
  get #people() {
    const granted = this.#shown?.granted ?? [];
    return {
      self: this.#client.self?.id ?? null,
      name: (id) => this.#nameOf(id),
      unasked: this.#present.find(({ id }) => !granted.includes(id))?.id ?? null,
    };
  }

  /** @param {string | null} id */
  #nameOf(id) {
    if (id !== null && id === this.#client.self?.id) return t("role.you");
    return this.#names.get(id ?? "") ?? t("recording.somebody");
  }

  /** @param {Recording | null} before @param {Recording | null} now */
  #report(before, now) {
    const news = newsOf(before, now);
    if (!news || !now) return;
    const people = this.#people;
    if (news === "begun") {
      // Where we saw it begin, our own clock says when: the server's may differ from it by minutes.
      this.#since = before?.state === "starting" ? Date.now() : (now.since ?? Date.now() / 1000) * 1000;
      this.#tell(null);
      this.#announce(t("recording.on"));
    } else if (news === "asked") {
      this.#tell(null);
      if (now.by !== people.self) this.#announce(askedText(now, people));
    } else if (news === "gap") {
      this.#tell(null);
      this.#announce(t("recording.gap"));
    } else if (news === "resumed") {
      this.#tell(() => t("recording.resumed"));
    } else {
      const asked = before ?? now;
      this.#tell(() => `${t(`recording.${news}`)} ${whyText(asked, now, people)}`.trim());
    }
  }

  /**
   * Say something, aloud too, and leave it to be read for a while; null takes it away.
   * @param {(() => string) | null} text
   * @param {boolean} [bad]  stays until it is closed
   */
  #tell(text, bad = false) {
    clearTimeout(this.#noteTimer);
    this.#note = text && { text, bad };
    if (text) this.#announce(text());
    if (text && !bad) this.#noteTimer = setTimeout(() => this.#tell(null), TOLD_MS);
    this.#draw();
  }

  #draw() {
    const gap = hasGap(this.#shown);
    this.bar.render({
      on: this.on,
      time: this.#time,
      line: this.#late ? t("recording.unsent") : (this.#note?.text() ?? (gap ? t("recording.gap") : null)),
      bad: gap || this.#late || this.#note?.bad === true,
      dismissable: this.#note !== null && !this.#late,
      expanded: this.#expanded,
      mayStop: this.#mayRecord,
    });
    this.card.render(this.#cardView());
  }

  /** @returns {import("./consent_card.js").CardView | null} */
  #cardView() {
    const shown = this.#shown;
    const people = this.#people;
    const asked = shown?.state === "starting";
    if (!shown || (!asked && !this.#expanded)) return null;
    const question = asked && !shown.granted.includes(people.self ?? "");
    const own = shown.by !== null && shown.by === people.self;
    return {
      kind: question ? "question" : asked ? "waiting" : "on",
      title: asked ? askedText(shown, people) : t("recording.on"),
      note: asked ? "" : askerText(shown, people),
      answers: this.#present.map((person) => ({ id: person.id, name: this.#nameOf(person.id), answer: answerOf(shown, person.id) })),
      mayCancel: this.#mayRecord,
      summoned: question || own || this.#expanded,
    };
  }

  /** @param {boolean} expanded */
  #expand(expanded) {
    this.#expanded = expanded;
    this.#draw();
  }

  async #start() {
    try {
      await this.#client.consent("recording", "granted", this.#words.version());
      await this.#client.recording("start");
    } catch (error) {
      const code = codeOf(error);
      this.#tell(() => t("recording.failed", { code }), true);
    }
  }

  async #stop() {
    try {
      await this.#client.recording("stop");
    } catch (error) {
      const code = codeOf(error);
      this.#tell(() => t("recording.refused", { code }), true);
    }
  }

  /** @param {ConsentAnswer} answer */
  async #answer(answer) {
    this.#wish = answer;
    this.#draw();
    await this.#send();
  }

  /** What could not be sent is sent again: a withdrawal must get through. */
  async #send() {
    clearTimeout(this.#retryTimer);
    const wish = this.#wish;
    if (wish === null || this.#sending) return;
    // Of the room, not of what is drawn: after a reconnection it may be that nobody asks any more.
    if (wish === "granted" && this.#client.room?.recording.state !== "starting") return this.#settled(wish);
    this.#sending = true;
    try {
      await this.#client.consent("recording", wish, this.#versionFor(wish));
      this.#settled(wish);
    } catch (error) {
      const code = codeOf(error);
      if (isFinal(code)) {
        this.#settled(wish);
        this.#tell(() => t("recording.refused", { code }), true);
      } else {
        this.#late = true;
        this.#retryTimer = setTimeout(() => void this.#send(), RETRY_MS);
        this.#draw();
      }
    } finally {
      this.#sending = false;
    }
    if (this.#wish !== null && this.#wish !== wish) await this.#send(); // they thought better of it meanwhile
  }

  /** Nobody agrees to what was not shown; a no needs no text. @param {ConsentAnswer} wish */
  #versionFor(wish) {
    try {
      return this.#words.version();
    } catch (error) {
      if (wish === "granted") throw error;
      return undefined;
    }
  }

  /** @param {ConsentAnswer} wish */
  #settled(wish) {
    if (this.#wish === wish) this.#wish = null;
    this.#late = false;
    this.#draw();
  }
}

/** @param {Recording} recording @param {string} id @returns {import("./consent_card.js").Answer["answer"]} */
function answerOf({ granted, declined }, id) {
  if (granted.includes(id)) return "granted";
  return declined.includes(id) ? "refused" : "open";
}
