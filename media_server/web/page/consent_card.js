/** The question whether this consultation may be recorded, and who has answered what. DOM only. */

import { h, icon, setIcon, setText } from "./dom.js";
import { bringFocus, keepingFocus } from "./focus.js";
import { t } from "./i18n.js";

/**
 * @typedef {{id: string, name: string, answer: "granted" | "refused" | "open"}} Answer
 *
 * @typedef {object} CardView
 * @property {"question" | "waiting" | "on"} kind  to be answered here; answered here, but not by everybody; all agreed
 * @property {string} title
 * @property {string} note        below the title; empty for none
 * @property {Answer[]} answers
 * @property {boolean} mayCancel  whether this person may take the request back
 * @property {boolean} summoned   whether it should take the keyboard's focus when it appears
 */

const SYMBOLS = /** @type {const} */ ({ granted: "check", refused: "close", open: "clock" });
const POINTS = /** @type {const} */ (["what", "sealed", "everybody", "withdraw"]);

/** What recording means: the same words for whoever asks and whoever is asked. @returns {HTMLElement} */
export function consentPoints() {
  return h("ul.points", {}, ...POINTS.map((point) => h("li", {}, t(`recording.consent.${point}`))));
}

export class ConsentCard {
  #title = h("h2", { id: "recording-card-title" });
  #note = h("p");
  #points = h("div", { id: "recording-card-points" });
  #answers = h("ul.answers");
  /** By participant. @type {Map<string, AnswerLine>} */
  #lines = new Map();
  #buttons;
  #close;
  #draw;
  element;

  /**
   * @param {Record<"allow" | "refuse" | "cancel" | "withdraw" | "close", () => void>} acts
   * @param {() => HTMLElement} draw  what is agreed to, in the language of now
   */
  constructor(acts, draw) {
    this.#draw = draw;
    // Neither of the two answers is the likelier one: same size, same colour, and the focus is on none.
    this.#buttons = {
      refuse: h("button.secondary", { type: "button", "data-action": "consent-refuse", onclick: acts.refuse }),
      allow: h("button.secondary", { type: "button", "data-action": "consent-allow", onclick: acts.allow }),
      withdraw: h("button.secondary", { type: "button", "data-action": "consent-withdraw", onclick: acts.withdraw }),
      cancel: h("button.secondary", { type: "button", "data-action": "recording-cancel", onclick: acts.cancel }),
    };
    this.#close = h("button.round.plain", { type: "button", onclick: acts.close }, icon("close"));
    this.element = h("section.consent", {
      id: "recording-card", hidden: true, tabindex: -1,
      "aria-labelledby": "recording-card-title", "aria-describedby": "recording-card-points",
    },
    h("header", {}, icon("record"), this.#title, this.#close), this.#note, this.#points,
    h("div.acts", {}, ...Object.values(this.#buttons)), this.#answers);
  }

  /** @param {CardView | null} view  null: nothing to show */
  render(view) {
    const appears = view !== null && this.element.hidden;
    keepingFocus(this.element, () => {
      this.element.hidden = view === null;
      if (view) this.#render(view);
    }, this.element);
    if (appears && view.summoned) bringFocus(this.element);
  }

  /** @param {CardView} view */
  #render({ kind, title, note, answers, mayCancel }) {
    this.element.setAttribute("role", kind === "question" ? "dialog" : "region");
    setText(this.#title, title);
    setText(this.#note, note);
    this.#points.hidden = kind === "waiting";
    if (this.#points.lang !== document.documentElement.lang) {
      this.#points.lang = document.documentElement.lang;
      this.#points.replaceChildren(this.#draw());
    }
    const { refuse, allow, withdraw, cancel } = this.#buttons;
    refuse.hidden = allow.hidden = kind !== "question";
    withdraw.hidden = kind !== "waiting" || mayCancel;
    cancel.hidden = kind !== "waiting" || !mayCancel;
    setText(refuse, t("recording.refuse"));
    setText(allow, t("recording.allow"));
    setText(withdraw, t("recording.withdraw"));
    setText(cancel, t("recording.cancel"));
    this.#close.hidden = kind !== "on";
    this.#close.setAttribute("aria-label", t("common.close"));
    this.#answers.setAttribute("aria-label", t("recording.people"));
    this.#renderAnswers(answers);
  }

  /** @param {Answer[]} answers */
  #renderAnswers(answers) {
    const present = new Set(answers.map(({ id }) => id));
    for (const [id, line] of this.#lines) {
      if (present.has(id)) continue;
      line.element.remove();
      this.#lines.delete(id);
    }
    for (const answer of answers) {
      let line = this.#lines.get(answer.id);
      if (!line) {
        this.#lines.set(answer.id, (line = new AnswerLine()));
        this.#answers.append(line.element);
      }
      line.render(answer);
    }
  }
}

class AnswerLine {
  #name = h("strong");
  #symbol = icon("clock");
  #answer = h("small");
  element = h("li", {}, this.#symbol, this.#name, this.#answer);

  /** @param {Answer} answer */
  render({ name, answer }) {
    this.element.className = answer;
    setText(this.#name, name);
    setIcon(this.#symbol, SYMBOLS[answer]);
    setText(this.#answer, t(`recording.answer.${answer}`));
  }
}
