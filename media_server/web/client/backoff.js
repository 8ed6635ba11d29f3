/** How long to wait before the next try: at once, then doubling to a ceiling, with jitter so that a room full of
 *  clients does not come back in the same millisecond. Pure: chance arrives as an argument. */

const FIRST_MS = 250;
const CEILING_MS = 8_000;

/**
 * @param {number} attempt  0 for the first try
 * @param {number} [chance]  0..1
 * @returns {number} milliseconds
 */
export function backoffMs(attempt, chance = Math.random()) {
  if (attempt === 0) return 0;
  const ceiling = Math.min(CEILING_MS, FIRST_MS * 2 ** (attempt - 1));
  return ceiling * (0.5 + chance / 2);
}
