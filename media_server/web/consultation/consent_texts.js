/** The texts that people agree to, as the service has them now; each language is asked for once. No DOM. */

import { language } from "./i18n.js";

/** @typedef {import("./types.js").ConsentText} ConsentText */

export class ConsentTexts {
  #api;
  /** @type {Map<string, Promise<ConsentText[]>>} */
  #known = new Map();

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * In the language of now. Rejects when it cannot be had, and is then asked for anew.
   * @param {ConsentText["kind"]} kind @returns {Promise<ConsentText>}
   */
  async of(kind) {
    const lang = language();
    let texts = this.#known.get(lang);
    if (!texts) this.#known.set(lang, (texts = this.#api.consentTexts(lang)));
    try {
      const found = (await texts).find((text) => text.kind === kind);
      if (found) return found;
      throw new Error(`no text of ${kind}`);
    } catch (error) {
      this.#known.delete(lang);
      throw error;
    }
  }
}
