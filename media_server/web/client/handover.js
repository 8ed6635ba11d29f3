/**
 * From one link to the next while a room moves to another node: both carry sound and picture, and each changes over
 * when the next link delivers it. The people in the room move one after the other, each at its own speed. No DOM.
 */

import { TeleconsultError } from "./errors.js";

/** @typedef {import("./link.js").Link} Link */

const LOOK_EVERY_MS = 100;

/**
 * Resolves once the next link carries everything that the old one does, or when the old one is gone: all there is has
 * changed over then. Rejects when the next link is lost.
 * @param {Link} old
 * @param {Link} next  joined, and beside the old one
 */
export async function handOver(old, next) {
  for (;;) {
    if (next.over) throw new TeleconsultError("connection-lost", "the next node");
    if (old.over || (!old.online && next.online) || (await isCarried(old, next))) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  next.show();
}

/** @param {Link} old @param {Link} next */
async function isCarried(old, next) {
  const [had, has] = await Promise.all([old.received(), next.received()]);
  if (next.over) return false;
  next.show(has);
  return next.complete && isEverybodyIn(old, next) &&
    [...had].every((key) => has.has(key) || old.isQuiet(key) || next.isQuiet(key));
}

/** Who sends nothing is missed on screen all the same. @param {Link} old @param {Link} next */
function isEverybodyIn(old, next) {
  const others = [...(old.room?.others.values() ?? [])];
  return others.every(({ id, admitted }) => !admitted || next.room?.others.has(id));
}
