/** A button that is at work: it says so, and cannot be pressed twice. DOM only. */

/**
 * @template T
 * @param {HTMLButtonElement} button
 * @param {() => Promise<T>} act
 * @returns {Promise<T | undefined>} undefined when it was at work already; rejects as `act` does
 */
export async function busy(button, act) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  // Not `disabled`: that would throw away the keyboard's focus.
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  try {
    return await act();
  } finally {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  }
}
