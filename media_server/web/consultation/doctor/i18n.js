/**
 * The doctor's texts, and elements that know which of them they show, so that a change of language needs no new form.
 */

import { h } from "../../page/dom.js";
import { translator } from "../i18n.js";
import { de } from "./texts_de.js";
import { en } from "./texts_en.js";
import { fr } from "./texts_fr.js";
import { nl } from "./texts_nl.js";

/** @typedef {keyof typeof en} TextKey */
/** @typedef {Record<TextKey, string>} Texts */
/** @typedef {Record<string, string | number>} Values */

export const texts = { nl, fr, de, en };
export const t = translator(texts);

/** @param {string} key @returns {key is TextKey} */
export function hasText(key) {
  return Object.hasOwn(en, key);
}

/**
 * The text of a code that the server gave, or the code itself where we have no words for it.
 * @param {string} group
 * @param {string} code
 */
export function coded(group, code) {
  const key = `${group}.${code}`;
  return hasText(key) ? t(key) : code;
}

/** A span with this text, in the language of the moment from now on. @param {TextKey} key @param {Values} [values] */
export function words(key, values = {}) {
  return worded(h("span"), key, values);
}

/**
 * Give an element this text, now and after every change of language.
 * @template {Element} E
 * @param {E} element
 * @param {TextKey} key
 * @param {Values} [values]
 * @returns {E}
 */
export function worded(element, key, values = {}) {
  element.setAttribute("data-words", key);
  if (Object.keys(values).length > 0) element.setAttribute("data-values", JSON.stringify(values));
  else element.removeAttribute("data-values");
  const text = t(key, values);
  if (element.textContent !== text) element.textContent = text; // live regions stay quiet
  return element;
}

/**
 * The same for an attribute: an accessible name, a tooltip, a placeholder.
 * @template {Element} E
 * @param {E} element
 * @param {"aria-label" | "title" | "placeholder"} attribute
 * @param {TextKey} key
 * @returns {E}
 */
export function named(element, attribute, key) {
  element.setAttribute(`data-words-${attribute}`, key);
  element.setAttribute(attribute, t(key));
  return element;
}

/** After a change of language. @param {ParentNode} [root] */
export function reword(root = document) {
  for (const element of root.querySelectorAll("[data-words]")) {
    const values = JSON.parse(element.getAttribute("data-values") ?? "{}");
    worded(element, /** @type {TextKey} */ (element.getAttribute("data-words")), values);
  }
  for (const attribute of /** @type {const} */ (["aria-label", "title", "placeholder"])) {
    for (const element of root.querySelectorAll(`[data-words-${attribute}]`)) {
      named(element, attribute, /** @type {TextKey} */ (element.getAttribute(`data-words-${attribute}`)));
    }
  }
}
