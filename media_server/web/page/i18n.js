/** Which language, and the texts in it. The person's choice is kept on this device; nothing else is. */

import { de } from "./texts_de.js";
import { en } from "./texts_en.js";
import { fr } from "./texts_fr.js";
import { nl } from "./texts_nl.js";

/** @typedef {keyof typeof en} TextKey */
/** @typedef {Record<TextKey, string>} Texts */
/** @typedef {"nl" | "fr" | "de" | "en"} Language */

/** @type {Record<Language, Texts>} */
export const texts = { nl, fr, de, en };

/** Each language by its own name, as a person looks for it. */
export const languages = /** @type {const} */ ({ nl: "Nederlands", fr: "Français", de: "Deutsch", en: "English" });

const STORED = "teleconsult.language";

/** @type {Language} */
let current = preferred();
/** @type {Set<() => void>} */
const listeners = new Set();

export function language() {
  return current;
}

/** @param {Language} chosen */
export function setLanguage(chosen) {
  current = chosen;
  try {
    localStorage.setItem(STORED, chosen);
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
  applyLanguage();
  for (const listener of listeners) listener();
}

/** @param {() => void} listener @returns {() => void} stops listening */
export function onLanguage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  return texts[current][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {string} key @returns {key is TextKey} */
export function hasText(key) {
  return key in en;
}

/** Fill in the texts of the static markup: `data-text` for content, `data-label` for an accessible name. */
export function applyLanguage() {
  document.documentElement.lang = current;
  for (const element of document.querySelectorAll("[data-text]")) {
    const key = element.getAttribute("data-text") ?? "";
    if (hasText(key)) element.textContent = t(key);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    const key = element.getAttribute("data-label") ?? "";
    if (hasText(key)) element.setAttribute("aria-label", t(key));
  }
}

/** @returns {Language} the stored choice, else the first of the browser's languages that we speak */
function preferred() {
  try {
    const stored = localStorage.getItem(STORED);
    if (isLanguage(stored)) return stored;
  } catch {
    // as above
  }
  const spoken = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage);
  return spoken && isLanguage(spoken) ? spoken : "en";
}

/** @param {unknown} tag @returns {tag is Language} */
function isLanguage(tag) {
  return typeof tag === "string" && Object.hasOwn(languages, tag);
}
