/** Who are you? Nobody has to type a name: itsme says it. DOM only. */

import { h } from "../../page/dom.js";
import { loginUrl } from "../api.js";
import { language, t as shared } from "../i18n.js";
import { notice } from "../parts/layout.js";
import { symbol } from "../parts/symbols.js";
import { t } from "./i18n.js";

/** @typedef {import("./page.js").App} App */

const PROBLEMS = /** @type {const} */ (["refused", "failed", "expired", "over"]);
const POINTS = /** @type {const} */ ([["list", "login.point.questions"], ["camera", "login.point.talk"], ["shield", "login.point.private"], ["trash", "login.point.deleted"]]);

/**
 * @param {App} app @param {import("../types.js").LoginOptions} options @param {string | null} problem
 * @returns {import("./page.js").View}
 */
export function loginView(app, options, problem) {
  const known = PROBLEMS.find((code) => code === problem);
  const element = h("div.page.login", {},
    h("div.stack.tight", {}, h("p.eyebrow", {}, t("login.eyebrow")), h("h1", { tabindex: -1 }, t("login.title")), h("p.lead", {}, t("login.lead"))),
    notice("danger", t("login.emergency"), h("p", {}, t("login.emergency.text"), " ", h("a.call-link", { href: "tel:112" }, "112"))),
    known ? notice(known === "failed" ? "warning" : "info", null, h("p", {}, shared(`login.${known}`))) : null,
    problem === "other-role" ? otherRole(app) : h("section.card.stack", {},
      options.itsme || options.development
        ? h("a.button.primary.large.itsme", { href: loginUrl("patient", "/consultation/patient", language()), "data-action": "login" },
          options.development ? symbol("person") : h("span.itsme-mark", { "aria-hidden": "true" }),
          shared(options.development ? "login.development" : "login.itsme"))
        : notice("warning", null, h("p", {}, t("login.closed"))),
      h("p.assurance", {}, symbol("lock"), h("span", {}, t("login.assurance")))),
    h("ul.promises", {}, ...POINTS.map(([drawing, key]) => h("li", {}, symbol(drawing), h("span", {}, t(key))))));
  return { element, title: t("login.title") };
}

/** @param {App} app */
function otherRole(app) {
  return notice("info", t("login.other-role"),
    h("div", {}, h("button.secondary", { type: "button", onclick: () => void app.logout() }, shared("common.logout"))));
}
