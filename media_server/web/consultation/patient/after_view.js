/** After the call: how it was, one's own copy of what came of it, and when everything is deleted. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { dateText, language, momentText, sizeText, t as shared, timeText } from "../i18n.js";
import { busy } from "../parts/busy.js";
import { showAttachment } from "../parts/chat.js";
import { badge, card, facts, notice } from "../parts/layout.js";
import { symbol } from "../parts/symbols.js";
import { toast } from "../parts/toast.js";
import { t } from "./i18n.js";
import { ReportWatch } from "./report_watch.js";

/** @typedef {import("./page.js").App} App */
/** @typedef {import("../types.js").Consultation} Consultation */

const SCORES = /** @type {const} */ ([1, 2, 3, 4, 5]);
const REPORT = /** @type {const} */ ({ queued: "warn", delivered: "good", failed: "bad", cancelled: "calm" });

export class AfterView {
  #app;
  #consultation;
  /** How far the report is. */
  #reportLine = h("span");

  /** @param {App} app @param {Consultation} consultation */
  constructor(app, consultation) {
    this.#app = app;
    this.#consultation = consultation;
  }

  /** @returns {import("./page.js").View} */
  draw() {
    const { state, reason } = this.#consultation;
    const talked = state === "finished";
    const ending = reason === "patient" ? "cancelled" : reason === "no-show" ? "no-show" : "expired";
    const title = talked ? t("after.title") : t(`after.${ending}.title`);
    const element = h("div.page", {},
      h("section.card.after-head", {}, h(talked || reason === "patient" ? "div.badge" : "div.badge.bad", {}, symbol(talked || reason === "patient" ? "check" : "info")),
        h("h1", { tabindex: -1 }, title), h("p.lead", {}, talked ? this.#lead() : t(`after.${ending}.text`))),
      talked && !this.#consultation.rated ? this.#rating() : null,
      talked ? this.#report() : null,
      this.#deletion(),
      h("div.acts-row", {},
        h("button.primary.large", { type: "button", "data-action": "home", onclick: () => void this.#app.goHome() }, t("after.home"))));
    const watch = talked ? new ReportWatch(this.#app.api, this.#consultation, (report) => this.#reported(report)) : null;
    return { element, title, close: () => watch?.stop() };
  }

  /** @param {NonNullable<Consultation["report"]>} report */
  #reported(report) {
    this.#consultation.report = report;
    this.#showReport();
    this.#app.say(`${t("after.report")}: ${t(`report.${report.state}`)}`);
  }

  #showReport() {
    const state = this.#consultation.report?.state ?? "none";
    this.#reportLine.replaceChildren(state === "none" ? t("report.none") : badge(t(`report.${state}`), REPORT[state]));
  }

  #lead() {
    const { doctor } = this.#consultation;
    return doctor ? t("after.lead", { name: doctor.name }) : t("after.lead.nobody");
  }

  #rating() {
    const stars = SCORES.map((score) => {
      const input = h("input", { type: "radio", name: "score", value: score, id: `score-${score}` });
      return h("label.star", { for: `score-${score}` }, input, symbol("star"), h("span.hidden", {}, t("after.rating.stars", { score })));
    });
    const send = h("button.secondary", { type: "submit" }, t("after.rating.send"));
    const form = h("form.stack", {},
      h("fieldset", {}, h("legend", {}, t("after.rating.question")), h("div.stars", {}, ...stars)), h("div.row", {}, send));
    const section = card(t("after.rating.title"), { symbol: "heart" }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = Number(new FormData(form).get("score"));
      if (!chosen) return form.querySelector("input")?.focus();
      void busy(send, async () => {
        await this.#app.api.rate(this.#consultation.id, chosen);
        this.#consultation.rated = true;
        section.replaceChildren(notice("good", null, h("p", { role: "status" }, t("after.rating.thanks"))));
      }).catch((error) => toast(errorText(error), "bad"));
      return undefined;
    });
    return section;
  }

  #report() {
    const { outcome, opened_at, closed_at, doctor, attachments = [] } = this.#consultation;
    const open = h("button.primary", { type: "button", "data-action": "copy" }, symbol("document"), t("after.copy.open"));
    open.addEventListener("click", () => void busy(open, () => this.#copy()).catch((error) => toast(errorText(error), "bad")));
    this.#showReport();
    return card(t("after.copy.title"), { symbol: "document" },
      facts([
        [t("after.doctor"), doctor?.name], [t("after.when"), opened_at ? momentText(opened_at) : null],
        [t("after.until"), closed_at ? timeText(closed_at) : null],
        [t("after.outcome"), outcome ? shared(`outcome.${outcome}`) : null],
        [t("after.report"), this.#reportLine],
      ]),
      h("p.muted", {}, t("after.copy.text")),
      h("div.row", {}, open),
      attachments.length > 0 ? h("div.row", {}, ...attachments.map((each) => this.#attachment(each))) : null);
  }

  /** @param {import("../types.js").Attachment} attachment */
  #attachment(attachment) {
    const image = attachment.content_type.startsWith("image/");
    const button = h("button.secondary", { type: "button" }, symbol(image ? "photo" : "document"),
      `${shared(image ? "chat.photo" : "chat.document")} · ${sizeText(attachment.bytes)}`);
    button.addEventListener("click", () => void busy(button, () => showAttachment(this.#app.api, this.#consultation.id, attachment))
      .catch((error) => toast(errorText(error), "bad")));
    return button;
  }

  /** The service's own document, read on this page: its markup is taken over element by element, never its scripts. */
  async #copy() {
    const html = await this.#app.api.copy(this.#consultation.id, language());
    // Its styles are for when it stands alone; here they would only be refused by this page's policy, and complained of.
    const copy = new DOMParser().parseFromString(html.replace(/<style[\s\S]*?<\/style>/gi, ""), "text/html");
    const paper = h("article.paper", { lang: copy.documentElement.lang || language() }, ...safeCopy(copy.body));
    const back = () => this.#app.show("after", () => this.draw());
    this.#app.show("copy", () => ({
      title: t("after.copy.title"),
      element: h("div.page", {},
        h("div.row.spread.no-print", {}, h("button.link.back", { type: "button", onclick: back }, symbol("back"), t("flow.back")),
          h("button.secondary", { type: "button", onclick: () => print() }, symbol("print"), t("after.copy.print"))),
        paper),
    }));
  }

  #deletion() {
    const { purge_at } = this.#consultation;
    return h("section.card.flat.stack.tight.deletion", {},
      h("p", {}, symbol("trash"), h("span", {}, purge_at ? t("after.delete", { date: dateText(purge_at), time: timeText(purge_at) }) : t("after.deleted"))),
      h("button.link", { type: "button", "data-action": "trail", onclick: () => void this.#app.showTrail() }, t("home.trail")));
  }
}

const COPIED = new Set(["H1", "H2", "H3", "H4", "P", "UL", "OL", "LI", "DL", "DT", "DD", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "CAPTION", "STRONG", "EM", "B", "I", "SMALL", "BLOCKQUOTE", "Q", "SECTION", "ARTICLE", "HEADER", "FOOTER", "MAIN", "DIV", "SPAN", "BR", "HR", "TIME", "CODE"]);
const LEFT_OUT = new Set(["SCRIPT", "STYLE", "TEMPLATE", "NOSCRIPT", "HEAD", "TITLE", "LINK", "META"]);

/** @param {Node} from @returns {Node[]} the same words and structure, with no attribute but the language */
function safeCopy(from) {
  return [...from.childNodes].flatMap((node) => {
    if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.textContent ?? "")];
    if (!(node instanceof Element) || LEFT_OUT.has(node.tagName)) return [];
    const inner = safeCopy(node);
    if (!COPIED.has(node.tagName)) return inner;
    const made = document.createElement(node.tagName === "MAIN" ? "div" : node.tagName);
    const lang = node.getAttribute("lang");
    if (lang) made.lang = lang;
    made.append(...inner);
    return [made];
  });
}
