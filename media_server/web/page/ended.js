/** After the call, or instead of it: what happened and what to do now. DOM only. */

import { clockText } from "./clock.js";
import { h, icon } from "./dom.js";
import { hasText, t } from "./i18n.js";

/** Codes that mean the same to a person. @type {Record<string, string>} */
const SAME = { "resume-expired": "connection-lost", "timeout": "connection-lost", "moved": "draining" };
/** Where going back in makes no sense. */
const FINAL = new Set(["room-ended", "no-such-room", "no-entrance", "unsupported-browser"]);
const CALM = new Set(["left", "room-ended", "replaced"]);

/**
 * @param {string} code  the client's
 * @param {number} durationS
 * @param {() => void} again
 * @returns {HTMLElement}
 */
export function endedView(code, durationS, again) {
  const shared = SAME[code] ?? code;
  const key = hasText(`ended.${shared}.title`) ? shared : "other";
  const text = (/** @type {"title" | "todo"} */ part) => t(/** @type {any} */ (`ended.${key}.${part}`), { code });
  const calm = CALM.has(key);
  return h("div.ended", {},
    h("section.card", { role: calm ? "status" : "alert" },
      h(calm ? "div.badge" : "div.badge.bad", {}, icon(calm ? "check" : "warning")),
      h("h1", {}, text("title")),
      h("p", {}, text("todo")),
      durationS > 0 ? h("p.duration", {}, t("ended.lasted", { duration: clockText(durationS) })) : null,
      h("div.choices", {},
        FINAL.has(key) ? null : h("button.primary.large", { type: "button", onclick: again }, t(calm ? "ended.again" : "common.retry")),
        h("a.button.secondary", { href: `./${location.search}` }, t("ended.home")))));
}
