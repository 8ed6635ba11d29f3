/** The door of the webtool: logging in, or why somebody who has logged in may not enter. DOM only. */

import { h } from "../../page/dom.js";
import { loginUrl } from "../api.js";
import { hasText, language, t as shared } from "../i18n.js";
import { t } from "./i18n.js";
import { symbol } from "./symbols.js";

/** Where the browser comes back to. */
const HERE = location.pathname;

/**
 * @param {import("../types.js").LoginOptions} options
 * @param {string | null} outcome  of an earlier attempt, as the address tells: `refused`, `failed`, `expired`, `over`
 * @returns {HTMLElement}
 */
export function loginView({ itsme, development }, outcome) {
  const key = `login.${outcome}`;
  const href = loginUrl("doctor", HERE, language());
  const door = itsme || development
    ? h("a.button.primary.large", { href, "data-action": "login" }, symbol("lock"),
      shared(development ? "login.development" : "login.itsme"))
    : h("p.notice", {}, symbol("warning"), t("login.closed"));
  const points = /** @type {const} */ (["who", "checked", "private"]).map((point) => h("li", {}, symbol("check"),
    t(`login.point.${point}`)));
  return h("div.door-page", {},
    h("section.door-card", {},
      h("p.eyebrow", {}, t("login.eyebrow")),
      h("h1", {}, t("login.title")),
      h("p.lead", {}, t("login.lead")),
      outcome && hasText(key) ? h("p.notice", { role: "alert" }, symbol("warning"), h("span", {}, shared(key))) : null,
      door,
      h("ul.ticks", {}, ...points)),
    h("p.elsewhere", {}, t("login.patient"), " ", h("a", { href: "patient" }, t("login.patient.link"))));
}

/**
 * Somebody is logged in, but not as a doctor.
 * @param {string} name
 * @param {() => void} logout
 * @returns {HTMLElement}
 */
export function strangerView(name, logout) {
  return h("div.door-page", {},
    h("section.door-card", { role: "alert" },
      h("h1", {}, t("stranger.title")),
      h("p.lead", {}, t("stranger.lead", { name })),
      h("button.primary.large", { type: "button", onclick: logout }, shared("common.logout")),
      h("a.button.secondary", { href: "patient" }, t("stranger.patient"))));
}

/** The service does not answer. @param {string} text @param {() => void} retry @returns {HTMLElement} */
export function unreachableView(text, retry) {
  return h("div.door-page", {},
    h("section.door-card", { role: "alert" },
      h("div.badge.bad", {}, symbol("warning")),
      h("h1", {}, t("unreachable.title")),
      h("p.lead", {}, text),
      h("button.primary.large", { type: "button", onclick: retry }, shared("common.retry"))));
}
