/** A button that asks something of the server, and the line beside it that says what failed. DOM only. */

import { h } from "../../page/dom.js";
import { ApiError } from "../api.js";
import { errorText } from "./errors.js";
import { busy } from "../parts/busy.js";
import { symbol } from "./symbols.js";

/**
 * @param {HTMLButtonElement} button  at work meanwhile, and not pressed twice
 * @param {HTMLElement} complaint     from `complaintLine`
 * @param {() => Promise<unknown>} work
 * @returns {Promise<boolean>} whether it worked
 */
export async function acting(button, complaint, work) {
  complain(complaint, null);
  try {
    await busy(button, work);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) console.error(error); // our own mistake, not the service's answer
    complain(complaint, errorText(error));
    return false;
  }
}

/** Where something that failed is told, aloud too. @returns {HTMLElement} */
export function complaintLine() {
  return h("p.complaint", { role: "alert", hidden: true });
}

/** @param {HTMLElement} line @param {string | null} text */
export function complain(line, text) {
  line.hidden = text === null;
  line.replaceChildren(...(text === null ? [] : [symbol("warning"), h("span", {}, text)]));
}

/**
 * Draw a list or a card anew only when what it shows has changed, so that the keyboard's focus and a screen reader's
 * place stay where they are.
 * @param {HTMLElement} container
 * @param {unknown} shown  what it is drawn from
 * @param {() => (Node | string)[]} build
 */
export function redraw(container, shown, build) {
  const mark = `${document.documentElement.lang} ${JSON.stringify(shown)}`;
  if (drawn.get(container) === mark) return;
  drawn.set(container, mark);
  const focused = container.contains(document.activeElement);
  container.replaceChildren(...build());
  if (focused && !container.contains(document.activeElement)) refocus(container);
}

/** @type {WeakMap<HTMLElement, string>} */
const drawn = new WeakMap();

/**
 * What had the focus is gone: it goes to what took its place, not to the top of the page.
 * @param {HTMLElement} container
 */
function refocus(container) {
  const next = container.querySelector("button:not([disabled]), a[href], input, select, textarea");
  const to = next instanceof HTMLElement && next.checkVisibility() ? next : container.closest('[role="tabpanel"]');
  if (to instanceof HTMLElement) to.focus({ preventScroll: true });
}
