/**
 * What the medical file calls a grave allergy, beside the place where medicines are written down: facts from the file,
 * held against nothing and advising nothing. DOM only.
 */

import { h } from "../../page/dom.js";
import { redraw } from "./acting.js";
import { coded, t } from "./i18n.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./fhir_reading.js").Entry} Entry */

export class AllergyNotice {
  #entries;
  element = h("div.notice.info.grave-allergies", { role: "note", hidden: true });

  /** @param {() => Entry[]} entries  of the file as long as it is open; nothing otherwise */
  constructor(entries) {
    this.#entries = entries;
  }

  render() {
    const entries = this.#entries();
    this.element.hidden = entries.length === 0;
    redraw(this.element, entries, () => entries.length === 0 ? [] : [symbol("allergy"),
      h("div", {}, h("strong", {}, t("file.grave.title")), h("ul", {}, ...entries.map(line)),
        h("p.fine", {}, t("file.grave.note")))]);
  }
}

/** @param {Entry} entry */
function line({ title, code, detail, status }) {
  const said = status && status !== "active" ? coded("file.status", status) : "";
  return h("li", {}, [title, code, detail, said].filter(Boolean).join(" · "));
}
