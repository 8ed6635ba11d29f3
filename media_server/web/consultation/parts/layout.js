/** Cards, notices, lists of facts, steps and badges. DOM only. */

import { h } from "../../page/dom.js";
import { t } from "../i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {Node | string | null | undefined | false} Child */

let count = 0;

/**
 * A titled card.
 * @param {string} title @param {{symbol?: string, aside?: Node | null, className?: string, level?: 2 | 3}} options @param {...Child} children
 */
export function card(title, { symbol: drawing, aside = null, className = "", level = 2 }, ...children) {
  const id = `card-${++count}`;
  const element = h("section.card.stack", { "aria-labelledby": id },
    h("header.card-head", {}, drawing ? symbol(drawing) : null, h(level === 2 ? "h2" : "h3", { id }, title), aside), ...children);
  if (className) element.classList.add(...className.split(" "));
  return element;
}

const NOTICES = /** @type {const} */ ({ warning: "warning", danger: "warning", info: "info", good: "check" });

/** @param {keyof typeof NOTICES} kind @param {string | null} title @param {...Child} children */
export function notice(kind, title, ...children) {
  const role = kind === "danger" || kind === "warning" ? "alert" : null;
  return h(`div.notice.${kind}`, { role }, symbol(NOTICES[kind]),
    h("div.stack.tight", {}, title ? h("strong", {}, title) : null, ...children));
}

/** Names and values below or beside each other. @param {[string, Child][]} pairs  those without a value are left out */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  return h("dl.facts", {}, ...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** @param {string} text @param {"good" | "warn" | "bad" | "calm" | "brand"} [kind] */
export function badge(text, kind = "calm") {
  return h(`span.tag.${kind}`, {}, text);
}

/** How far one is. @param {string[]} names @param {number} current  from 0 */
export function steps(names, current) {
  const items = names.map((name, index) => h("li", {
    class: index < current ? "done" : index === current ? "now" : null, "aria-current": index === current ? "step" : null,
  }, h("span", {}, name)));
  return h("nav.steps", { "aria-label": t("common.step", { step: current + 1, of: names.length }) },
    h("p.steps-now", { "aria-hidden": "true" }, h("span", {}, t("common.step", { step: current + 1, of: names.length })), h("strong", {}, names[current])),
    h("ol", {}, ...items));
}

/** @param {string} [text] */
export function loading(text = t("common.loading")) {
  return h("div.loading", { role: "status" }, h("span.spinner"), h("span", {}, text));
}

/** Nothing to show. @param {string} drawing @param {string} title @param {...Child} children */
export function empty(drawing, title, ...children) {
  return h("div.empty", {}, symbol(drawing), h("strong", {}, title), ...children);
}
