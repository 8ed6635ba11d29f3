/** What went wrong, in a doctor's words where those differ from everybody's. */

import { codeOf } from "../api.js";
import { errorText as sharedText } from "../errors.js";
import { hasText, t } from "./i18n.js";

/** @param {unknown} error @returns {string} */
export function errorText(error) {
  const key = `error.${codeOf(error)}`;
  return hasText(key) ? t(key) : sharedText(error);
}
