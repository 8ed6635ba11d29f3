/** Questions that must be answered before going on. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { t } from "../i18n.js";
import { busy } from "./busy.js";
import { symbol } from "./symbols.js";

/**
 * @typedef {object} Action
 * @property {string} label
 * @property {"primary" | "secondary" | "danger" | "quiet"} [kind]
 * @property {string} value                    what `answered` gives
 * @property {() => Promise<unknown> | unknown} [act]  before it closes; when it fails, the dialog stays and says why
 *
 * @typedef {object} Dialog
 * @property {HTMLDialogElement} element
 * @property {Promise<string>} answered        an action's value, or "" when it was closed
 * @property {(value?: string) => void} close
 */

let count = 0;

/** Thrown by an `act` when fields say themselves what is missing. */
export class IncompleteForm extends Error {}

/**
 * @param {object} options
 * @param {string} options.title
 * @param {(Node | string)[]} [options.body]
 * @param {Action[]} [options.actions]  two of the same weight stand beside each other, others below each other
 * @param {boolean} [options.dismissable]  by Escape, the cross, or a click beside it
 * @param {string} [options.className]
 * @param {string} [options.symbol]  a drawing before the title
 * @returns {Dialog}
 */
export function openDialog({ title, body = [], actions = [], dismissable = true, className = "", symbol: drawing }) {
  const id = `dialog-${++count}`;
  const problem = h("p.field-error", { role: "alert", hidden: true });
  /** @type {Action["value"]} */
  let answer = "";
  const close = (value = "") => {
    answer = value;
    element.close();
  };
  const buttons = actions.map(({ label, kind = "secondary", value, act }) => {
    const button = h(`button.${kind}`, { type: "button", "data-answer": value }, label);
    button.addEventListener("click", async () => {
      problem.hidden = true;
      try {
        await busy(button, async () => act?.());
        close(value);
      } catch (error) {
        if (error instanceof IncompleteForm) return;
        problem.textContent = errorText(error);
        problem.hidden = false;
      }
    });
    return button;
  });
  const even = actions.length === 2 && actions.every(({ kind = "secondary" }) => kind === "secondary");
  const element = h("dialog.sheet", { "aria-labelledby": `${id}-title`, "aria-describedby": body.length > 0 ? `${id}-body` : null },
    h("header", {},
      h("h2", { id: `${id}-title`, tabindex: -1, autofocus: true }, drawing ? symbol(drawing) : null, title),
      dismissable ? h("button.round.plain", { type: "button", "aria-label": t("common.close"), onclick: () => close() }, symbol("close")) : null),
    body.length > 0 ? h("div.sheet-body", { id: `${id}-body` }, ...body) : null,
    problem,
    buttons.length > 0 ? h(even ? "div.choices.even" : "div.choices", {}, ...buttons) : null);
  if (className) element.classList.add(...className.split(" "));
  const answered = new Promise((/** @type {(value: string) => void} */ resolve) => {
    element.addEventListener("close", () => { // the browser has given the focus back by then
      element.remove();
      resolve(answer);
    });
  });
  element.addEventListener("cancel", (event) => dismissable || event.preventDefault());
  if (dismissable) element.addEventListener("click", (event) => event.target === element && close());
  document.body.append(element);
  element.showModal();
  return { element, answered, close };
}

/**
 * @param {string} title @param {string} text @param {string} label  of the button that does it
 * @param {() => Promise<unknown> | unknown} act
 * @param {"primary" | "danger"} [kind]
 * @returns {Promise<boolean>} whether it was done
 */
export async function confirmed(title, text, label, act, kind = "primary") {
  const { answered } = openDialog({
    title, body: [h("p", {}, text)],
    actions: [{ label, kind, value: "yes", act }, { label: t("common.cancel"), value: "" }],
  });
  return (await answered) === "yes";
}
