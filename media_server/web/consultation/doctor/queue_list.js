/** Who is waiting: places, languages and times, and nothing about anybody's health. DOM only. */

import { h, setText } from "../../page/dom.js";
import { languages } from "../../page/i18n.js";
import { redraw } from "./acting.js";
import { t, words, worded } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("../types.js").Waiting} Waiting */
/** @typedef {"off" | "loading" | "empty" | "some" | "lost"} Stand */

const MINUTE_MS = 60_000;

export class QueueList {
  #claim;
  #count = h("span.number");
  #next;
  #list = h("ol.waiting-list");
  #nobody = h("div.empty");
  #note = h("p.fine");
  element;

  /** @param {(button: HTMLButtonElement, consultation?: string) => void} claim  the next one, or that one */
  constructor(claim) {
    this.#claim = claim;
    this.#next = h("button.primary.large",
      { type: "button", "data-action": "claim-next", onclick: () => claim(this.#next) },
      symbol("door"), words("queue.next"), h("kbd", { "aria-hidden": "true" }, "K"));
    this.element = h("section.card.waiting", { "aria-labelledby": "waiting-title" },
      h("header.waiting-head", {}, h("h2", { id: "waiting-title" }, words("queue.title"), " ", this.#count),
        this.#next),
      this.#list, this.#nobody, this.#note);
  }

  get next() {
    return this.#next;
  }

  /** @param {Stand} stand @param {Waiting[]} waiting @param {number} now  ms */
  render(stand, waiting, now) {
    const some = stand === "some" && waiting.length > 0;
    setText(this.#count, some ? String(waiting.length) : "");
    this.#count.hidden = !some;
    this.#next.hidden = !some;
    this.#list.hidden = !some;
    this.#nobody.hidden = some;
    this.#note.hidden = !some;
    worded(this.#note, "queue.private");
    if (!some) redraw(this.#nobody, stand, () => emptyState(stand));
    redraw(this.#list, some ? waiting : [], () => waiting.map((one) => this.#line(one)));
    for (const time of this.#list.querySelectorAll("time")) {
      setText(time, waitedText(now - Date.parse(time.dateTime)));
      time.classList.toggle("long", now - Date.parse(time.dateTime) > 10 * MINUTE_MS);
    }
  }

  /** @param {Waiting} waiting */
  #line({ consultation, position, language, waiting_since: since, priority }) {
    const button = h("button.secondary", {
      type: "button", "data-consultation": consultation, "aria-label": t("queue.take.label", { position }),
      onclick: () => this.#claim(button, consultation),
    }, t("queue.take"));
    const urgent = Number(priority ?? 0) > 0;
    return h("li", {},
      h("span.place", {}, h("span.hidden", {}, t("queue.place")), " ", String(position)),
      h("span.tongue", {}, h("strong", { lang: language }, languages[language] ?? language),
        urgent ? h("span.tag.warn", {}, t("queue.priority")) : null),
      h("span.since", {}, symbol("clock"), h("span.hidden", {}, t("queue.waiting")), h("time", { datetime: since })),
      button);
  }
}

/** @param {number} ms @returns {string} */
export function waitedText(ms) {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes < 1) return t("queue.now");
  return minutes < 60 ? t("queue.minutes", { minutes })
    : t("queue.hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** @param {Stand} stand @returns {Node[]} */
function emptyState(stand) {
  const key = stand === "some" ? "empty" : stand;
  const drawing = { off: "door", loading: "clock", empty: "check", lost: "warning" }[key];
  return [h("div.badge", {}, symbol(drawing)), h("h3", {}, t(`queue.${key}.title`)),
    h("p", {}, t(`queue.${key}.lead`))];
}
