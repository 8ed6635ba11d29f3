/** One more button for the call's toolbar, with a figure for what is new. DOM only. */

import { h, setText } from "../../page/dom.js";
import { symbol } from "./symbols.js";

export class Tool {
  #label = h("span");
  #count = h("span.count-mark", { hidden: true, "aria-hidden": "true" });
  #more = h("span.hidden");
  element;

  /** @param {string} action  its stable name @param {string} drawing @param {() => unknown} act */
  constructor(action, drawing, act) {
    this.element = h("button.tool", { type: "button", "data-action": action, onclick: act },
      h("span.disc", {}, symbol(drawing), this.#count), this.#label, this.#more);
  }

  /** @param {string} label @param {{count?: number, countText?: string, pressed?: boolean}} [state] */
  render(label, { count = 0, countText = "", pressed } = {}) {
    setText(this.#label, label);
    setText(this.#count, String(count));
    setText(this.#more, count > 0 ? countText : "");
    this.#count.hidden = count === 0;
    if (pressed !== undefined) this.element.setAttribute("aria-expanded", String(pressed));
  }
}
