/** Where a patient starts: a new consultation, or those of the last day. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { momentText, timeText } from "../i18n.js";
import { badge, card, notice } from "../parts/layout.js";
import { busy } from "../parts/busy.js";
import { confirmed } from "../parts/dialog.js";
import { symbol } from "../parts/symbols.js";
import { toast } from "../parts/toast.js";
import { t } from "./i18n.js";

/** @typedef {import("./page.js").App} App */
/** @typedef {import("../types.js").Consultation} Consultation */
/** @typedef {import("../types.js").Me} Me */

/** @param {App} app @param {Me} me @param {Consultation[]} consultations @returns {import("./page.js").View} */
export function homeView(app, me, consultations) {
  const { patient } = me;
  const left = patient?.consultations_left ?? 0;
  const element = h("div.page", {},
    h("div.stack.tight", {}, h("h1", { tabindex: -1 }, t("home.hello", { name: me.given_name ?? me.name })), h("p.lead", {}, t("home.lead"))),
    beginning(app, patient?.needs_proxy === true, left, patient?.intake_draft === true),
    consultations.length > 0
      ? card(t("home.recent"), { symbol: "clock" }, h("ul.rows", {}, ...consultations.map((each) => line(app, each))), h("small", {}, t("home.recent.note")))
      : null,
    h("div.row", {}, h("button.link", { type: "button", "data-action": "trail", onclick: () => void app.showTrail() }, t("home.trail"))));
  return { element, title: t("home.title") };
}

/** @param {App} app @param {boolean} minor @param {number} left @param {boolean} draft */
function beginning(app, minor, left, draft) {
  if (minor) return notice("info", t("home.minor.title"), h("p", {}, t("home.minor.text")));
  if (left <= 0) return notice("info", t("home.none-left.title"), h("p", {}, t("home.none-left.text")));
  const start = h("button.primary.large", { type: "button", "data-action": "start" }, draft ? t("home.continue") : t("home.start"));
  start.addEventListener("click", () => void busy(start, () => app.startIntake()));
  const discard = async () => {
    const sure = await confirmed(t("home.discard.title"), t("home.discard.text"), t("home.discard"), () => app.api.discardIntakeDraft(), "danger");
    if (sure) await app.goHome().catch((error) => toast(errorText(error), "bad"));
  };
  return card(draft ? t("home.draft.title") : t("home.new.title"), { symbol: draft ? "edit" : "doctor" },
    h("p", {}, draft ? t("home.draft.text") : t("home.new.text")), start,
    draft ? h("button.secondary", { type: "button", "data-action": "discard", onclick: () => void discard() }, t("home.discard")) : null,
    h("small", {}, t(left === 1 ? "home.left.one" : "home.left", { left })));
}

/** @param {App} app @param {Consultation} consultation */
function line(app, consultation) {
  const { state, reason, doctor, created_at, purge_at } = consultation;
  const over = state === "finished" || state === "cancelled";
  const name = state === "cancelled" ? t(reason === "patient" ? "state.cancelled" : reason === "no-show" ? "state.no-show" : "state.expired") : t(`state.${state}`);
  const open = over ? () => app.showAfter(consultation) : () => app.startVisit(consultation);
  return h("li", {}, h("button.row-button", { type: "button", onclick: open },
    h("span.stack.tight", {},
      h("strong", {}, doctor ? doctor.name : t("home.consultation")),
      h("small", {}, momentText(created_at), purge_at && over ? ` · ${t("home.until", { time: timeText(purge_at) })}` : "")),
    badge(name, state === "finished" ? "good" : over ? "calm" : "brand"), symbol("arrow")));
}
