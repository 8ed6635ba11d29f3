/** A short word that something worked, or did not; read aloud, gone by itself unless it is bad news. DOM only. */

import { h } from "../../page/dom.js";
import { t } from "../i18n.js";
import { symbol } from "./symbols.js";

const SHOWN_MS = 6_000;
const SYMBOLS = /** @type {const} */ ({ good: "check", bad: "warning", info: "info" });

/** A region that is there before there is anything to say is read more reliably. */
const region = h("div.toasts", { role: "status", "aria-live": "polite" });

/** @param {string} text @param {"good" | "bad" | "info"} [kind] */
export function toast(text, kind = "good") {
  // A dialog hides whatever is outside it: the words go where the person is.
  const home = document.querySelector("dialog:modal") ?? document.body;
  if (region.parentElement !== home) home.append(region);
  const close = () => element.remove();
  const element = h(`div.toast.${kind}`, {}, symbol(SYMBOLS[kind]), h("span", {}, text),
    h("button.round.plain", { type: "button", "aria-label": t("common.close"), onclick: close }, symbol("close")));
  while (region.childElementCount > 2) region.firstElementChild?.remove();
  region.append(element);
  if (kind !== "bad") setTimeout(close, SHOWN_MS);
}

document.body.append(region);
