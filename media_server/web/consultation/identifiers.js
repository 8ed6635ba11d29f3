/** Identifiers as people read them. Pure. */

/** A RIZIV/INAMI number as it is written in Belgium: 1-23456-78-901. @param {string} nihdi  11 digits */
export function nihdiText(nihdi) {
  return /^\d{11}$/.test(nihdi) ? `${nihdi[0]}-${nihdi.slice(1, 6)}-${nihdi.slice(6, 8)}-${nihdi.slice(8)}` : nihdi;
}
