/** What there is to say when a recording is asked for, begins, has a gap or ends. Texts, no DOM. */

import { t } from "./i18n.js";

/** @typedef {import("../client/recording.js").Recording} Recording */
/** @typedef {"asked" | "begun" | "gap" | "resumed" | "stopped" | "none"} News   `none`: it was asked for, and will not be */

/**
 * @typedef {object} People
 * @property {string | null} self
 * @property {(id: string | null) => string} name   what to call somebody, who may have left
 * @property {string | null} unasked                somebody who is here and has not agreed
 */

const FINE = new Set([null, "asked", "resumed"]);
/** Everybody knows why, or nobody is left to tell. */
const PLAIN = new Set([null, "room-ended", "room-empty"]);
const MOVED = new Set(["node-draining", "fenced"]);

/** @param {Recording | null} recording @returns {boolean} whether it is on, and something is missing from it */
export function hasGap(recording) {
  return recording?.state === "on" && !FINE.has(recording.reason);
}

/**
 * @param {Recording | null} before  null: nothing was known, or to be known
 * @param {Recording | null} now
 * @returns {News | null}
 */
export function newsOf(before, now) {
  const was = before?.state ?? "off";
  if (!now) return null;
  if (now.state === "on") {
    if (was !== "on" || isAnother(before, now)) return "begun";
    if (hasGap(now) === hasGap(before)) return null;
    return hasGap(now) ? "gap" : "resumed";
  }
  if (now.state === "starting") return was === "starting" ? null : "asked";
  if (was === "on" || (was === "starting" && now.state === "stopping")) return "stopped";
  return was === "starting" ? "none" : null;
}

/** It ended and began again while nothing was heard. @param {Recording | null} before @param {Recording} now */
function isAnother(before, now) {
  return Math.abs((before?.since ?? 0) - (now.since ?? 0)) > 1;
}

/**
 * One sentence, or nothing where there is nothing to add.
 * @param {Recording} before
 * @param {Recording} now
 * @param {People} people
 * @returns {string}
 */
export function whyText(before, now, people) {
  const { reason } = now;
  const declined = now.declined.at(-1) ?? null;
  if (reason === "stopped") return before.state === "starting" ? t("recording.why.cancelled") : "";
  if (PLAIN.has(reason)) return "";
  if (reason === "consent-withdrawn" || reason === "consent-refused") {
    const own = declined !== null && declined === people.self;
    return own ? t(`recording.why.${reason}.self`) : t(`recording.why.${reason}`, { name: people.name(declined) });
  }
  if (reason === "joined-without-consent") return t("recording.why.joined", { name: people.name(people.unasked) });
  if (reason === "asker-left") return t("recording.why.asker-left", { name: people.name(before.by) });
  if (reason === "consent-not-given") return t("recording.why.unanswered");
  if (MOVED.has(reason ?? "")) return t("recording.why.moved");
  return t("recording.why.fault", { code: reason ?? "" });
}

/** @param {Recording} recording  asked for @param {People} people */
export function askedText({ by }, people) {
  return by !== null && by === people.self ? t("recording.ask.self") : t("recording.ask", { name: people.name(by) });
}

/** @param {Recording} recording  on @param {People} people */
export function askerText({ by }, people) {
  if (by === null) return "";
  return by === people.self ? t("recording.by.self") : t("recording.by", { name: people.name(by) });
}
