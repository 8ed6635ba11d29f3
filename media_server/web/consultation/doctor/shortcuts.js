/**
 * Single keys for what is needed often. They never take a key from somebody who types, chooses in a list or answers a
 * dialog, and they can be switched off (WCAG 2.1.4). The choice is kept on this device.
 */

const STORED = "teleconsult.shortcuts";

/** Whether single keys do anything. */
let enabled = stored() !== "off";

export function shortcutsOn() {
  return enabled;
}

/** @param {boolean} on */
export function switchShortcuts(on) {
  enabled = on;
  try {
    localStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
}

/**
 * @param {() => Record<string, () => void>} keys  what each does at this moment: `m`, `shift+t`, `?`, `1` …
 * @returns {() => void} stops listening
 */
export function listenForShortcuts(keys) {
  /** @param {KeyboardEvent} event */
  const heard = (event) => {
    if (!enabled || event.defaultPrevented || event.repeat || isTaken(event)) return;
    const act = keys()[keyOf(event)];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", heard);
  return () => document.removeEventListener("keydown", heard);
}

/** Whether the key belongs to the browser, or to what has the focus. @param {KeyboardEvent} event */
function isTaken({ target, ctrlKey, altKey, metaKey, isComposing }) {
  if (ctrlKey || altKey || metaKey || isComposing || document.querySelector("dialog:modal")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement
    || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

/** @param {KeyboardEvent} event */
function keyOf({ key, code, shiftKey }) {
  // On Belgian keyboards figures need Shift: the place of the key counts, not what it writes.
  const digit = /^Digit([1-9])$/.exec(code)?.[1];
  if (digit) return digit;
  const letter = key.toLowerCase();
  return shiftKey && /^\p{L}$/u.test(letter) ? `shift+${letter}` : letter;
}

function stored() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}
