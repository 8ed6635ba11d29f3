/**
 * What people agree to when a consultation is recorded: the service's own text, whose version the ledger keeps. Nobody can
 * agree before it is on screen. DOM only.
 */

import { TeleconsultError } from "../client.js";
import { h } from "../page/dom.js";
import { language, t } from "./i18n.js";

const RETRY_MS = 2_000;

export class RecordingWords {
  #texts;
  /** Of what was shown, by language. @type {Map<string, string>} */
  #shown = new Map();

  /** @param {import("./consent_texts.js").ConsentTexts} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  draw = () => {
    const part = h("p.lawtext", {}, t("common.loading"));
    void this.#fill(part, language());
    return part;
  };

  /** Throws a TeleconsultError for "try again". */
  version = () => {
    const version = this.#shown.get(language());
    if (version === undefined) throw new TeleconsultError("unreachable");
    return version;
  };

  /** @param {HTMLElement} part @param {string} lang */
  async #fill(part, lang) {
    try {
      const { text, version } = await this.#texts.of("recording");
      part.textContent = text;
      this.#shown.set(lang, version);
    } catch {
      setTimeout(() => part.isConnected && lang === language() && void this.#fill(part, lang), RETRY_MS);
    }
  }
}
