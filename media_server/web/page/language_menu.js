/** The language switcher in the page's head. */

import { applyLanguage, language, languages, setLanguage } from "./i18n.js";
import { h } from "./dom.js";

/** @typedef {import("./i18n.js").Language} Language */

export function installLanguageMenu() {
  const select = /** @type {HTMLSelectElement} */ (document.getElementById("language"));
  for (const [code, name] of Object.entries(languages)) {
    select.append(h("option", { value: code, lang: code, selected: code === language() }, name));
  }
  select.addEventListener("change", () => setLanguage(/** @type {Language} */ (select.value)));
  applyLanguage();
}
