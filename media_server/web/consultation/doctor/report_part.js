/** The report to the GP whom the patient named, and whether it has arrived. DOM only. */

import { h } from "../../page/dom.js";
import { acting, complaintLine, redraw } from "./acting.js";
import { coded, t, words } from "./i18n.js";
import { nihdiText } from "../identifiers.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./open_case.js").OpenCase} OpenCase */

const KIND = "report_to_gp";
const LOOK_MS = 2_500;
const SYMBOLS = { none: "send", queued: "clock", delivered: "check", failed: "warning", cancelled: "stop" };

export class ReportPart {
  #api;
  #case;
  #complaint = complaintLine();
  #content = h("div.stack.tight");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  element;

  /** @param {import("../api.js").Api} api @param {OpenCase} open */
  constructor(api, open) {
    this.#api = api;
    this.#case = open;
    this.element = h("section.report", { "aria-labelledby": "report-title" },
      h("h3", { id: "report-title" }, symbol("send"), words("report.title")), this.#content, this.#complaint);
    this.render();
  }

  render() {
    const consent = this.#case.consent(KIND);
    const { state = "none" } = this.#case.consultation.report ?? {};
    const { closed } = this.#case;
    this.element.hidden = this.#case.consultation.state === "cancelled";
    redraw(this.#content, [consent, state, closed], () => this.#draw(consent, state, closed));
    clearTimeout(this.#timer);
    if (state === "queued") this.#timer = setTimeout(() => this.element.isConnected && void this.#case.refresh(),
      LOOK_MS);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /**
   * @param {import("../types.js").Consent | null} consent
   * @param {keyof typeof SYMBOLS} state
   * @param {boolean} closed
   */
  #draw(consent, state, closed) {
    const nihdi = consent?.recipient?.nihdi;
    const name = nihdi ? t("report.number", { number: nihdiText(nihdi) }) : t("report.gp");
    if (state !== "none") {
      const again = state === "failed" ? this.#button("report.again") : null;
      return [h("p.delivery", { "data-state": state, role: "status" }, symbol(SYMBOLS[state]),
        h("span", {}, t(`report.${state}`, { name }))), again].filter((part) => part !== null);
    }
    if (consent?.state !== "granted") return [h("p.fine", {}, coded("report.consent", consent?.state ?? "none"))];
    if (!closed) return [h("p.fine", {}, t("report.first", { name }))];
    return [h("p.fine", {}, t("report.ready", { name })), this.#button("report.send")];
  }

  /** @param {"report.send" | "report.again"} key */
  #button(key) {
    const button = h("button.primary",
      { type: "button", "data-action": "report", onclick: () => void this.#send(button) }, symbol("send"), t(key));
    return button;
  }

  /** @param {HTMLButtonElement} button */
  async #send(button) {
    await acting(button, this.#complaint, async () => {
      const { state } = await this.#api.report(this.#case.id);
      const report = /** @type {import("../types.js").Consultation["report"]} */ ({ state });
      this.#case.take({ ...this.#case.consultation, report });
    });
  }
}
