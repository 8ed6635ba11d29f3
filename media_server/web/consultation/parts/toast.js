/**
 * A short word that something worked, or did not; read aloud. It goes by itself, unless somebody is reading it (WCAG 2.2.1),
 * and never covers what is to be done next. DOM only.
 */

import { h } from "../../page/dom.js";
import { t } from "../i18n.js";
import { symbol } from "./symbols.js";

/** Bad news stays longer. */
const SHOWN_MS = { good: 6_000, info: 6_000, bad: 15_000 };
const SYMBOLS = /** @type {const} */ ({ good: "check", bad: "warning", info: "info" });

/** A region that is there before there is anything to say is read more reliably. */
const region = h("div.toasts", { role: "status", "aria-live": "polite" });

/** @param {string} text @param {"good" | "bad" | "info"} [kind] */
export function toast(text, kind = "good") {
  settle();
  const close = () => element.remove();
  let timer = 0;
  const stay = () => clearTimeout(timer);
  const go = () => {
    stay();
    if (!element.matches(":hover, :focus-within")) timer = window.setTimeout(close, SHOWN_MS[kind]);
  };
  const element = h(`div.toast.${kind}`, { onpointerenter: stay, onfocusin: stay, onpointerleave: go, onfocusout: go },
    symbol(SYMBOLS[kind]), h("span", {}, text),
    h("button.round.plain", { type: "button", "aria-label": t("common.close"), onclick: close }, symbol("close")));
  while (region.childElementCount > 2) region.firstElementChild?.remove();
  region.append(element);
  makeWay();
  go();
}

/** A dialog hides whatever is outside it: the words go where the person is, and outlast it. */
function settle() {
  const home = document.querySelector("dialog:modal") ?? document.body;
  if (region.parentElement !== home) home.append(region);
  if (home !== document.body) home.addEventListener("close", settle, { once: true });
}

/** Bad news of what is over. */
export function forgetComplaints() {
  for (const complaint of region.querySelectorAll(".bad")) complaint.remove();
}

/** To the other edge of the screen when what is to be done next is at this one. */
function makeWay() {
  region.classList.remove("aside");
  const words = [...region.children].map((each) => each.getBoundingClientRect());
  const acts = [...document.querySelectorAll(".primary, .call-now, dialog .choices button")].map((each) => each.getBoundingClientRect());
  const covered = words.some((one) => acts.some((other) => overlap(one, other)));
  region.classList.toggle("aside", covered);
}

/** @param {DOMRect} one @param {DOMRect} other */
function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

document.body.append(region);
