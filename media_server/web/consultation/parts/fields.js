/**
 * Form fields with label, hint and error, each tied to its control (WCAG 1.3.1, 3.3.1, 3.3.2). DOM only.
 *
 * Every field has `element`, `value`, `setError(text or null)` and `focus()`; an error goes away with the next change.
 */

import { h, setText } from "../../page/dom.js";
import { t } from "../i18n.js";
import { symbol } from "./symbols.js";

/**
 * @typedef {object} FormField
 * @property {HTMLElement} element
 * @property {any} value
 * @property {(text: string | null) => void} setError
 * @property {() => void} focus
 *
 * @typedef {object} FieldOptions
 * @property {string} label
 * @property {string} [hint]
 * @property {boolean} [required]   otherwise the label says that it is optional
 * @property {boolean} [unmarked]   without that word
 * @property {() => void} [onchange]
 *
 * @typedef {{value: string, label: string, note?: string}} Option
 */

let count = 0;

/** Label, hint and error around one control. */
class Frame {
  id = `field-${++count}`;
  hint;
  error = h("p.field-error", { id: `${this.id}-error`, hidden: true });

  /** @param {FieldOptions} options */
  constructor({ hint }) {
    this.hint = hint ? h("small", { id: `${this.id}-hint` }, hint) : null;
  }

  /** For `aria-describedby`. @param {string} [more] */
  described(more = "") {
    return [this.hint?.id, this.error.hidden ? "" : this.error.id, more].filter(Boolean).join(" ");
  }

  /** @param {Element} control @param {string | null} text @param {string} [more] */
  show(control, text, more = "") {
    this.error.hidden = text === null;
    this.error.replaceChildren(...(text === null ? [] : [symbol("warning"), text]));
    if (text === null) control.removeAttribute("aria-invalid");
    else control.setAttribute("aria-invalid", "true");
    const described = this.described(more);
    if (described) control.setAttribute("aria-describedby", described);
    else control.removeAttribute("aria-describedby");
  }
}

/** @param {FieldOptions} options @returns {(Node | string | null)[]} */
function labelParts({ label, required, unmarked }) {
  return [label, required || unmarked ? null : h("span.optional", {}, ` (${t("common.optional")})`)];
}

/**
 * One line or, with `rows`, several. `value` is trimmed text.
 * @param {FieldOptions & {value?: string, type?: string, rows?: number, maxlength?: number, inputmode?: string,
 *   autocomplete?: string, placeholder?: string, min?: string | number, max?: string | number, step?: string | number,
 *   suffix?: string}} options
 */
export function textField(options) {
  const { value = "", type = "text", rows, maxlength, onchange, suffix, required = false } = options;
  const frame = new Frame(options);
  const common = {
    id: frame.id, maxlength, "aria-required": required ? "true" : null, inputmode: options.inputmode, placeholder: options.placeholder,
    autocomplete: options.autocomplete ?? "off",
  };
  const control = rows
    ? h("textarea", { ...common, rows })
    : h("input", { ...common, type, min: options.min, max: options.max, step: options.step });
  control.value = value;
  const left = rows && maxlength ? h("small.count", { id: `${frame.id}-left` }) : null;
  const tell = () => left && setText(left, t("field.left", { left: (maxlength ?? 0) - control.value.length }));
  tell();
  control.addEventListener("input", () => {
    if (!frame.error.hidden) frame.show(control, null, left?.id);
    tell();
    onchange?.();
  });
  frame.show(control, null, left?.id);
  const line = suffix ? h("span.with-suffix", {}, control, h("span.suffix", { "aria-hidden": "true" }, suffix)) : control;
  return {
    element: h("div.field", {}, h("label", { for: frame.id }, ...labelParts(options)), frame.hint, line, left, frame.error),
    control,
    get value() { return control.value.trim(); },
    set value(text) { control.value = text; tell(); },
    setError: (/** @type {string | null} */ text) => frame.show(control, text, left?.id),
    focus: () => control.focus(),
  };
}

/** @param {FieldOptions & {options: Option[], value?: string, placeholder?: string}} options */
export function selectField(options) {
  const { value = "", placeholder, onchange, required = false } = options;
  const frame = new Frame(options);
  const control = h("select", { id: frame.id, "aria-required": required ? "true" : null },
    placeholder === undefined ? null : h("option", { value: "" }, placeholder),
    ...options.options.map((option) => h("option", { value: option.value }, option.label)));
  control.value = value;
  control.addEventListener("change", () => {
    frame.show(control, null);
    onchange?.();
  });
  frame.show(control, null);
  return {
    element: h("div.field", {}, h("label", { for: frame.id }, ...labelParts(options)), frame.hint, control, frame.error),
    control,
    get value() { return control.value; },
    set value(chosen) { control.value = chosen; },
    setError: (/** @type {string | null} */ text) => frame.show(control, text),
    focus: () => control.focus(),
  };
}

/**
 * Radio buttons, or with `multiple` tick boxes. `value` is the list of chosen values.
 * @param {FieldOptions & {options: Option[], value?: string[], multiple?: boolean, compact?: boolean, scale?: boolean}} options
 *   `scale`: figures in a row
 */
export function choiceField(options) {
  const { value = [], multiple = false, onchange, required = false } = options;
  const frame = new Frame(options);
  const inputs = options.options.map((option, index) => h("input", {
    type: multiple ? "checkbox" : "radio", name: frame.id, id: `${frame.id}-${index}`, value: option.value,
    "aria-describedby": option.note ? `${frame.id}-${index}-note` : null,
    onchange: () => {
      setError(null);
      onchange?.();
    },
  }));
  inputs.forEach((input) => { input.checked = value.includes(input.value); });
  const lines = options.options.map(({ label, note }, index) => h("label.choice", { for: `${frame.id}-${index}` }, inputs[index],
    h("span", {}, label, note ? h("small", { id: `${frame.id}-${index}-note` }, note) : null)));
  const element = h("fieldset.field.choices-field", { role: multiple ? "group" : "radiogroup", "aria-required": required && !multiple ? "true" : null },
    h("legend", {}, ...labelParts(options)), frame.hint, h("div.choice-list", {}, ...lines), frame.error);
  if (options.compact) element.classList.add("compact");
  if (options.scale) element.classList.add("scale");
  /** @param {string | null} text */
  function setError(text) {
    if (text === null && frame.error.hidden) return;
    frame.show(element, text);
    if (multiple) element.removeAttribute("aria-invalid"); // not for a group (ARIA 1.2)
  }
  if (frame.hint) element.setAttribute("aria-describedby", frame.described());
  return {
    element,
    get value() { return inputs.filter(({ checked }) => checked).map((input) => input.value); },
    set value(chosen) { inputs.forEach((input) => { input.checked = chosen.includes(input.value); }); },
    setError,
    focus: () => (inputs.find(({ checked }) => checked) ?? inputs[0])?.focus(),
  };
}

/** One thing to agree to or not, unticked unless said otherwise. @param {FieldOptions & {value?: boolean, text?: string}} options */
export function checkField(options) {
  const { value = false, text, onchange, required = false } = options;
  const frame = new Frame(options);
  const control = h("input", { type: "checkbox", id: frame.id, "aria-required": required ? "true" : null });
  control.checked = value;
  const note = text ? h("small.choice-text", { id: `${frame.id}-text` }, text) : null;
  control.addEventListener("change", () => {
    frame.show(control, null, note?.id);
    onchange?.();
  });
  frame.show(control, null, note?.id);
  return {
    element: h(note ? "div.field.agree" : "div.field", {},
      h("label.choice", { for: frame.id }, control, h("span", {}, h("strong", {}, ...labelParts(options)))), note, frame.hint, frame.error),
    control,
    get value() { return control.checked; },
    set value(ticked) { control.checked = ticked; },
    setError: (/** @type {string | null} */ error) => frame.show(control, error, note?.id),
    focus: () => control.focus(),
  };
}

/**
 * Run each field's own check; the first that is wrong gets the focus.
 * @param {[FormField, (value: any) => string | null][]} checks  null: all is well
 * @returns {boolean} whether all are right
 */
export function validate(checks) {
  const wrong = checks.filter(([field, check]) => {
    const text = check(field.value);
    field.setError(text);
    return text !== null;
  });
  wrong[0]?.[0].focus();
  return wrong.length === 0;
}

/** @param {string | string[]} value @returns {string | null} */
export function required(value) {
  return value.length === 0 ? t("field.required") : null;
}
