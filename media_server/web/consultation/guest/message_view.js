/** One thing to know, instead of a call. DOM only. */

import { h } from "../../page/dom.js";
import { t } from "../i18n.js";
import { symbol } from "../parts/symbols.js";

/** @param {string} title @param {string} text @param {(() => void) | null} retry @returns {HTMLElement} */
export function messageView(title, text, retry) {
  return h("div.ended", {}, h("section.card", { role: "alert" },
    h("div.badge.bad", {}, symbol("warning")), h("h1", {}, title), h("p", {}, text),
    retry ? h("div.choices", {}, h("button.primary.large", { type: "button", onclick: retry }, t("common.retry")))
      : null));
}
