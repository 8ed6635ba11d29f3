/** Where the keyboard is, when things appear and go. DOM only. */

/**
 * Make a change that may take away what has the focus: it goes to `refuge` then, or, when that is hidden, to the call.
 * @param {HTMLElement} element  what changes
 * @param {() => void} change
 * @param {HTMLElement | null} [refuge]
 */
export function keepingFocus(element, change, refuge = null) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  change();
  if (!focused || focused.checkVisibility()) return;
  const to = refuge?.checkVisibility() ? refuge : document.getElementById("main");
  to?.focus({ preventScroll: true });
}

/**
 * Bring the focus to an element; when a dialog has it, once that is closed and only if the element is still there.
 * @param {HTMLElement} element
 */
export function bringFocus(element) {
  const dialog = document.querySelector("dialog:modal");
  if (!dialog) element.focus({ preventScroll: true });
  else dialog.addEventListener("close", () => element.checkVisibility() && bringFocus(element), { once: true });
}
