/**
 * Tabs after the ARIA Authoring Practices ("Tabs", automatic activation): one stop for the Tab key, arrows between
 * them. DOM only.
 */

import { h, setText } from "../../page/dom.js";
import { symbol } from "./symbols.js";

/**
 * @typedef {object} TabView
 * @property {string} id           stable, for tests and shortcuts
 * @property {string} symbol
 * @property {() => string} label
 * @property {HTMLElement} [panel]   shown when the tab is chosen
 * @property {HTMLElement} [frame]   a part of the page that is there anyhow, with the id `panel-…`
 */

const STEPS = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 });

export class Tabs {
  #tabs;
  /**
   * @type {Map<string, {button: HTMLButtonElement, label: HTMLElement, badge: HTMLElement, panel: HTMLElement | null}>}
   */
  #parts = new Map();
  #chosen;
  #onChoose;
  list;
  panels;

  /** @param {TabView[]} tabs @param {string} chosen  at first @param {(id: string) => void} onChoose */
  constructor(tabs, chosen, onChoose) {
    this.#tabs = tabs;
    this.#chosen = chosen;
    this.#onChoose = onChoose;
    this.list = h("div.tabs", { role: "tablist", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) });
    this.panels = h("div.panels");
    for (const tab of tabs) this.#add(tab);
    this.render();
  }

  /** @param {TabView} tab */
  #add({ id, symbol: name, panel }) {
    const label = h("span.tab-label");
    const badge = h("span.tab-badge", { hidden: true });
    const button = h("button.tab", {
      type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, "data-tab": id,
      onclick: () => this.choose(id),
    }, h("span.tab-icon", {}, symbol(name), badge), label);
    const frame = panel === undefined ? null
      : h("section.panel", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, tabindex: 0 }, panel);
    this.#parts.set(id, { button, label, badge, panel: frame });
    this.list.append(button);
    if (frame) this.panels.append(frame);
  }

  get chosen() {
    return this.#chosen;
  }

  render() {
    for (const { id, label } of this.#tabs) {
      const part = this.#part(id);
      const chosen = id === this.#chosen;
      setText(part.label, label());
      part.button.setAttribute("aria-selected", String(chosen));
      part.button.tabIndex = chosen ? 0 : -1;
      if (part.panel) part.panel.hidden = !chosen;
    }
  }

  /**
   * A dot or a number on a tab, with words for those who do not see it.
   * @param {string} id
   * @param {string} text
   * @param {string} [spoken]
   */
  mark(id, text, spoken = text) {
    const { badge } = this.#part(id);
    badge.hidden = text === "";
    const parts = text === "" ? [] : [h("span", { "aria-hidden": "true" }, text), h("span.hidden", {}, ` ${spoken}`)];
    if (badge.textContent !== parts.map(({ textContent }) => textContent).join("")) badge.replaceChildren(...parts);
  }

  /** @param {string} id  of a tab @param {{focus?: boolean}} [how] */
  choose(id, { focus = false } = {}) {
    this.#chosen = id;
    this.render();
    if (focus) this.#part(id).button.focus();
    this.#part(id).button.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#onChoose(id);
  }

  focus() {
    this.#part(this.#chosen).button.focus();
  }

  /**
   * The one that many places further on, round and round; those that are not on screen are passed over.
   * @param {number} step
   */
  step(step) {
    const ids = this.#tabs.map(({ id }) => id).filter((id) => this.#part(id).button.checkVisibility());
    const at = ids.indexOf(this.#chosen);
    this.choose(ids[(at + step + ids.length) % ids.length] ?? this.#chosen, { focus: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const ids = this.#tabs.map(({ id }) => id);
    const { key } = event;
    if (key === "Home" || key === "End") this.choose(/** @type {string} */ (ids.at(key === "Home" ? 0 : -1)),
      { focus: true });
    else if (STEPS[key]) this.step(STEPS[key]);
    else return;
    event.preventDefault();
  }

  /** @param {string} id */
  #part(id) {
    const part = this.#parts.get(id);
    if (!part) throw new Error(`no tab ${id}`);
    return part;
  }
}
