/** What went wrong, in words for people. */

import { ApiError, codeOf } from "./api.js";
import { hasText, t } from "./i18n.js";

/** Codes that mean the same to a person. @type {Record<string, string>} */
const SAME = { "http-413": "too-large", "http-415": "wrong-type", "http-429": "too-many-requests", "http-503": "try-again", "bad-body": "other" };

/** The same of fields. @type {Record<string, string>} */
const FIELD = { missing: "required", "bad-number": "number", "bad-date": "date" };

/** @param {unknown} error @returns {string} */
export function errorText(error) {
  if (!(error instanceof ApiError)) reportError(error); // our own mistake: for the console, as if nobody had caught it
  const code = SAME[codeOf(error)] ?? codeOf(error);
  const key = `error.${code}`;
  return hasText(key) && key !== "error.other" ? t(key) : t("error.other", { code });
}

/** What is wrong with a field, from the code the server gave it. @param {string} code @returns {string} */
export function fieldText(code) {
  const key = `field.${FIELD[code] ?? code}`;
  const text = hasText(key) ? t(key) : t("field.invalid");
  return text.includes("{") ? t("field.invalid") : text; // a limit that only the form's own rules know
}

/**
 * Tie what the server says of fields to the fields on screen.
 * @param {unknown} error
 * @param {Record<string, import("./parts/fields.js").FormField>} fields  by JSON pointer
 * @returns {boolean} whether every complaint found its field; the first of them has the focus
 */
export function showFieldErrors(error, fields) {
  if (!(error instanceof ApiError) || error.errors.length === 0) return false;
  const found = Object.entries(fields).filter(([pointer, field]) => {
    const problem = error.of(pointer);
    if (problem) field.setError(fieldText(problem.code));
    return problem !== undefined;
  });
  found[0]?.[1].focus();
  return error.errors.every((problem) => found.some(([pointer]) => problem.field === pointer || problem.field.startsWith(`${pointer}/`)));
}
