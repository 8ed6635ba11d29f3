/** Small tools to make elements. No styles, no rules of the call. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Make an element: `h("button.primary", { type: "button", onclick }, "Join")`.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K | `${K}.${string}`} selector  tag and classes
 * @param {Record<string, unknown>} [attributes]  `on…` functions are listeners; false and null leave an attribute out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = /** @type {HTMLElementTagNameMap[K]} */ (document.createElement(/** @type {string} */ (tag)));
  if (classes.length > 0) element.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter(isNode));
  return element;
}

/** @param {Child} child @returns {child is Node | string} */
function isNode(child) {
  return child !== null && child !== undefined && child !== false;
}

/** One of the drawings in icons.svg, hidden from assistive technology. @param {string} name @returns {SVGSVGElement} */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  svg.append(use);
  setIcon(svg, name);
  return svg;
}

/** @param {SVGSVGElement} svg @param {string} name */
export function setIcon(svg, name) {
  const href = `${new URL("../icons.svg", import.meta.url).href}#${name}`;
  const use = svg.querySelector("use");
  if (use?.getAttribute("href") !== href) use?.setAttribute("href", href);
}

/** Change text only when it differs, so that live regions stay quiet. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
