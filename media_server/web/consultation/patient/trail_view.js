/** Who did what with this patient's data. DOM only. */

import { h } from "../../page/dom.js";
import { momentText } from "../i18n.js";
import { badge, empty } from "../parts/layout.js";
import { symbol } from "../parts/symbols.js";
import { t, texts } from "./i18n.js";

/** @typedef {import("../types.js").AuditEntry} AuditEntry */

/** @param {import("./page.js").App} app @param {AuditEntry[]} entries @returns {import("./page.js").View} */
export function trailView(app, entries) {
  const newest = [...entries].sort((one, other) => other.at.localeCompare(one.at));
  const element = h("div.page", {},
    h("button.link.back", { type: "button", onclick: () => void app.goHome() }, symbol("back"), t("trail.back")),
    h("div.stack.tight", {}, h("h1", { tabindex: -1 }, t("trail.title")), h("p.lead", {}, t("trail.lead"))),
    h("section.card", { "aria-label": t("trail.title") },
      newest.length > 0 ? h("ol.trail", {}, ...newest.map(line)) : empty("shield", t("trail.none"))));
  return { element, title: t("trail.title") };
}

/** @param {AuditEntry} entry */
function line({ at, who, what, outcome }) {
  const refused = outcome !== undefined && outcome !== "done" && outcome !== "allowed" && outcome !== "ok";
  return h("li", {}, h("span.stack.tight", {},
    h("strong", {}, whatText(what)), h("small", {}, `${whoText(who)} · ${momentText(at)}`)),
  refused ? badge(t("trail.refused"), "warn") : null);
}

/** @param {AuditEntry["who"]} who */
function whoText(who) {
  const { role, name = "" } = typeof who === "string" ? { role: who } : who;
  const key = `trail.who.${role}`;
  const known = key in texts.en ? t(/** @type {import("./i18n.js").PatientKey} */ (key)) : role;
  return name ? `${known} ${name}` : known;
}

/** An act we have no words for is shown by its code: nothing is hidden. @param {string} what */
function whatText(what) {
  const key = `trail.what.${what}`;
  return key in texts.en ? t(/** @type {import("./i18n.js").PatientKey} */ (key)) : what;
}

