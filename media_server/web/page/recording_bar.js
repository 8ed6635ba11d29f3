/**
 * The mark that this consultation is being recorded, for as long as it is, with what one can do about it; after it, a
 * line that says why it ended. DOM only.
 */

import { h, icon, setText } from "./dom.js";
import { keepingFocus } from "./focus.js";
import { t } from "./i18n.js";

/**
 * @typedef {object} BarView
 * @property {boolean} on
 * @property {string} time         how long it has been on
 * @property {string | null} line  what else there is to say
 * @property {boolean} bad         whether that line is about something that fails
 * @property {boolean} dismissable whether the line can be closed
 * @property {boolean} expanded    whether the card that says who agreed is open
 * @property {boolean} mayStop
 */

export class RecordingBar {
  #mark = h("strong");
  #time = h("span", { role: "timer", "aria-live": "off" });
  #on = h("span.mark", {}, this.#mark, this.#time);
  #text = h("span");
  #line = h("span.line", {}, icon("warning"), this.#text);
  #peopleLabel = h("span");
  #people;
  #withdraw;
  #stop;
  #dismiss;
  element;

  /** @param {{people: () => void, withdraw: () => void, stop: () => void, dismiss: () => void}} acts */
  constructor({ people, withdraw, stop, dismiss }) {
    this.#people = h("button.act.people", { type: "button", "aria-controls": "recording-card", "data-action": "recording-people", onclick: people },
      icon("people"), this.#peopleLabel);
    this.#withdraw = h("button.act", { type: "button", "data-action": "consent-withdraw", onclick: withdraw });
    this.#stop = h("button.act", { type: "button", "data-action": "recording-stop", onclick: stop });
    this.#dismiss = h("button.chip-button", { type: "button", onclick: dismiss }, icon("close"));
    this.element = h("section.recording-bar", { hidden: true },
      this.#on, this.#people, this.#line, h("span.bar-acts", {}, this.#withdraw, this.#stop), this.#dismiss);
  }

  /** @param {BarView} view */
  render(view) {
    keepingFocus(this.element, () => this.#render(view));
  }

  /** @param {BarView} view */
  #render({ on, time, line, bad, dismissable, expanded, mayStop }) {
    this.element.hidden = !on && line === null;
    this.element.setAttribute("aria-label", t("recording.title"));
    this.element.classList.toggle("on", on);
    this.#on.hidden = !on;
    setText(this.#mark, t("recording.mark"));
    this.tick(time);
    this.#line.hidden = line === null;
    this.#line.classList.toggle("bad", bad);
    setText(this.#text, line ?? "");
    this.#people.hidden = !on;
    this.#people.setAttribute("aria-expanded", String(expanded));
    setText(this.#peopleLabel, t("recording.people"));
    this.#withdraw.hidden = !on;
    setText(this.#withdraw, t("recording.withdraw"));
    this.#stop.hidden = !on || !mayStop;
    setText(this.#stop, t("recording.stop"));
    this.#dismiss.hidden = !dismissable;
    this.#dismiss.setAttribute("aria-label", t("common.close"));
  }

  /** @param {string} time */
  tick(time) {
    setText(this.#time, time);
  }
}
