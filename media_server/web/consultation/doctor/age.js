/** How old somebody is, by this device's calendar. */

/** Full years. @param {string} birthdate  YYYY-MM-DD */
export function yearsSince(birthdate) {
  const [born, now] = [new Date(`${birthdate}T12:00:00`), new Date()];
  const before = now.getMonth() < born.getMonth()
    || (now.getMonth() === born.getMonth() && now.getDate() < born.getDate());
  return now.getFullYear() - born.getFullYear() - (before ? 1 : 0);
}
