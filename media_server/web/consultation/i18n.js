/** The texts of both consultation pages, in the language of the page's own switcher; each page adds its own. */

import { language } from "../page/i18n.js";
import { de } from "./texts_de.js";
import { en } from "./texts_en.js";
import { fr } from "./texts_fr.js";
import { nl } from "./texts_nl.js";

/** @typedef {import("../page/i18n.js").Language} Language */

export { language, onLanguage } from "../page/i18n.js";

/** How dates and figures are written in Belgium. @type {Record<Language, string>} */
const LOCALES = { nl: "nl-BE", fr: "fr-BE", de: "de-BE", en: "en-GB" };

/**
 * A `t` of its own for one set of dictionaries: `translator({ nl, fr, de, en })`.
 * @template {string} K
 * @param {Record<Language, Record<K, string>>} dictionaries
 * @returns {(key: K, values?: Record<string, string | number>) => string}
 */
export function translator(dictionaries) {
  return (key, values = {}) => dictionaries[language()][key]
    .replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

export const texts = { nl, fr, de, en };
/** @typedef {keyof typeof en} SharedKey */
/** @typedef {Record<SharedKey, string>} SharedTexts */
export const t = translator(texts);

/** @param {string} key @returns {key is SharedKey} */
export function hasText(key) {
  return Object.hasOwn(en, key);
}

/** @param {string} iso @returns {string} such as 14:05 */
export function timeText(iso) {
  return new Intl.DateTimeFormat(LOCALES[language()], { hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
}

/** @param {string} iso  a moment or a day @returns {string} such as 3 March 2026 */
export function dateText(iso) {
  // A day alone is that day everywhere, not midnight in Greenwich.
  const moment = iso.length === 10 ? new Date(`${iso}T12:00:00`) : new Date(iso);
  return new Intl.DateTimeFormat(LOCALES[language()], { dateStyle: "long" }).format(moment);
}

/** @param {string} iso @returns {string} such as 3 March 2026, 14:05 */
export function momentText(iso) {
  return new Intl.DateTimeFormat(LOCALES[language()], { dateStyle: "long", timeStyle: "short" }).format(new Date(iso));
}

/** @param {number} bytes @returns {string} such as 1.2 MB */
export function sizeText(bytes) {
  const [value, unit] = bytes >= 1e6 ? [bytes / 1e6, "megabyte"] : [Math.max(1, bytes / 1e3), "kilobyte"];
  const maximumFractionDigits = bytes >= 1e6 ? 1 : 0;
  return new Intl.NumberFormat(LOCALES[language()], { style: "unit", unit, maximumFractionDigits }).format(value);
}
