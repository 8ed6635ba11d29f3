/** A form that can be written anew in another language without losing what was typed into it. DOM only. */

import { h } from "../../page/dom.js";

/** @typedef {import("../parts/fields.js").FormField} FormField */

/**
 * @template {Record<string, FormField>} F
 */
export class LastingForm {
  #build;
  /** What it held when there was nothing of anybody's in it. */
  #blank;
  /** @type {F} */
  fields;
  element;

  /**
   * @param {() => {fields: F, children: (Node | null)[]}} build  in the language of the moment
   * @param {(form: LastingForm<F>) => void} submit
   */
  constructor(build, submit) {
    this.#build = build;
    const { fields, children } = build();
    this.fields = fields;
    this.#blank = this.#written();
    this.element = h("form.form",
      { novalidate: true, onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); submit(this); } },
      ...children);
  }

  /** The language has changed. */
  rebuild() {
    const values = Object.fromEntries(Object.entries(this.fields).map(([name, field]) => [name, field.value]));
    const { fields, children } = this.#build();
    this.fields = fields;
    this.element.replaceChildren(...children.filter((child) => child !== null));
    this.fill(values);
  }

  /** @param {Record<string, any>} values */
  fill(values) {
    for (const [name, value] of Object.entries(values)) if (this.fields[name]) this.fields[name].value = value;
  }

  clear() {
    for (const field of Object.values(this.fields)) field.value = Array.isArray(field.value) ? [] : "";
  }

  /** What is in it now has been taken: nothing would be lost with it. */
  settle() {
    this.#blank = this.#written();
  }

  /** Whether somebody has written into it what nobody has taken yet. */
  get touched() {
    return this.#written() !== this.#blank;
  }

  #written() {
    return JSON.stringify(Object.entries(this.fields).map(([name, field]) => [name, field.value]));
  }
}
