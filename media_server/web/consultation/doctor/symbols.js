/** The drawings of the doctor's page, beside those that the pages share. */

import { symbol as shared } from "../parts/symbols.js";

const OWN = new URL("icons.svg", import.meta.url).href;
const NAMES = new Set([
  "summary", "file", "consent", "note", "outcome", "missed", "copy", "referral", "certificate", "keyboard", "refresh",
  "download", "image", "flag", "link", "allergy", "problem", "vaccine", "stop", "cloud",
]);

/** Hidden from assistive technology: the words beside it say the same. @param {string} name @returns {SVGSVGElement} */
export function symbol(name) {
  const svg = shared(name);
  if (NAMES.has(name)) svg.querySelector("use")?.setAttribute("href", `${OWN}#${name}`);
  return svg;
}
