/** Which keys do what, and a switch for those who do not want them. DOM only. */

import { h } from "../../page/dom.js";
import { openDialog } from "../parts/dialog.js";
import { checkField } from "../parts/fields.js";
import { t } from "./i18n.js";
import { shortcutsOn, switchShortcuts } from "./shortcuts.js";

/** @type {[string[], import("./i18n.js").TextKey][]} */
const KEYS = [
  [["K"], "help.claim"], [["M"], "help.mute"], [["V"], "help.video"], [["T"], "help.next"],
  [["⇧", "T"], "help.previous"], [["1", "–", "7"], "help.panel"], [["N"], "help.note"], [["C"], "help.chat"],
  [["Esc"], "help.escape"], [["?"], "help.help"],
];

export function openHelp() {
  if (document.querySelector("dialog:modal")) return;
  const toggle = checkField({ label: t("help.switch"), unmarked: true, value: shortcutsOn(),
    text: t("help.switch.hint"), onchange: () => switchShortcuts(toggle.value) });
  const rows = KEYS.map(([keys, key]) => h("div", {},
    h("dt", {}, ...keys.map((name) => name === "–" ? "–" : h("kbd", {}, name))), h("dd", {}, t(key))));
  openDialog({ title: t("help.title"), symbol: "info", className: "help",
    body: [h("p.fine", {}, t("help.lead")), h("dl.keys", {}, ...rows), toggle.element] });
}
