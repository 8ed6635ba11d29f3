/** The drawings of consultation/icons.svg, beside those of the call that `page/dom.js` gives. */

import { icon as callIcon } from "../../page/dom.js";

const FILE = new URL("../icons.svg", import.meta.url).href;
const OWN = new Set(["chat", "photo", "document", "shield", "phone", "calendar", "star", "trash", "back", "info", "pin", "send", "print", "list", "heart", "wifi", "plus", "logout", "pill", "edit"]);

/** Hidden from assistive technology: the words beside it say the same. @param {string} name @returns {SVGSVGElement} */
export function symbol(name) {
  const svg = callIcon(name);
  if (OWN.has(name)) svg.querySelector("use")?.setAttribute("href", `${FILE}#${name}`);
  return svg;
}
