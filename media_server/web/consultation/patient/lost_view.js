/** Not in the room any more, though the consultation is not over: why, and the way back. DOM only. */

import { h } from "../../page/dom.js";
import { endedView } from "../../page/ended.js";
import { t as shared } from "../i18n.js";
import { t } from "./i18n.js";
import { ReturnOffer } from "./return_offer.js";

/** @param {import("./visit.js").Visit} visit @param {string} code  the client's @returns {import("./page.js").View} */
export function lostView(visit, code) {
  const element = endedView(code, 0, () => void visit.again());
  // "Start page" there leads out of the consultation; here it is one of this page.
  element.querySelector("a.button")?.replaceWith(
    h("button.secondary", { type: "button", onclick: () => void visit.refresh() }, shared("common.retry")),
    h("button.quiet", { type: "button", onclick: () => void visit.stop().then(() => visit.app.goHome()) }, t("after.home")));
  const [again, retry] = element.querySelectorAll("button");
  if (again?.textContent === retry?.textContent) retry?.remove();
  const offer = new ReturnOffer(visit);
  element.prepend(offer.element);
  return { element, title: t("home.title"), close: () => offer.close() };
}
