/** Camera, microphone and network, looked at while the place in the queue is already held. DOM only. */

import { h, icon, setText } from "../../page/dom.js";
import { Lobby } from "../../page/lobby.js";
import { t as callText } from "../../page/i18n.js";
import { card, steps } from "../parts/layout.js";
import { symbol } from "../parts/symbols.js";
import { STEPS } from "./flow.js";
import { t } from "./i18n.js";
import { checkNetwork } from "./network_check.js";
import { PlaceCard } from "./place_card.js";

/** @typedef {import("./visit.js").Visit} Visit */
/** @typedef {import("./network_check.js").NetworkFindings} NetworkFindings */

export class CheckView {
  #visit;
  #lobby;
  #place;
  #network = h("ul.findings", { "aria-live": "polite" });
  #stop;
  #open = true;
  #measured = false;
  title = t("check.title");
  element;

  /** @param {Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#place = new PlaceCard(visit, true);
    // The lobby's preview, level and pickers; its name field and heading belong to people who walk in.
    this.#lobby = new Lobby(visit.media, "patient", "", () => visit.checked());
    const part = (/** @type {string} */ selector) => this.#lobby.element.querySelector(selector);
    part("div.intro")?.remove();
    part("form .field")?.remove();
    part("form .assurance")?.remove();
    const again = h("button.quiet", { type: "button", onclick: () => void this.#measure() }, t("check.again"));
    const network = card(t("check.network"), { symbol: "wifi", aside: again }, this.#network);
    this.#lobby.element.querySelector("form")?.before(network);
    this.element = h("div.page.wide", {}, steps(STEPS.map((key) => t(key)), 3),
      h("div.stack.tight", {}, h("h1", { tabindex: -1 }, t("check.title")), h("p.lead", {}, t("check.lead"))),
      this.#place.element, this.#lobby.element);
    this.#renderNetwork(null);
    const submit = /** @type {HTMLElement} */ (part("form button[type=submit]"));
    submit.dataset.action = "ready";
    this.#watchLabel(submit);
    this.#stop = visit.client.on("state", ({ state }) => state === "connected" && !this.#measured && void this.#measure());
    if (visit.client.state === "connected") void this.#measure();
  }

  close() {
    this.#open = false;
    this.#stop();
    this.#lobby.close();
    this.#place.close();
  }

  /** The lobby says "join"; here one only says that one is ready. @param {HTMLElement} button */
  #watchLabel(button) {
    const words = () => {
      const { problems, asked } = this.#visit.media;
      const failing = problems.audio ?? problems.video;
      setText(button, !asked ? callText("lobby.ask") : failing ? t("check.ready.without") : t("check.ready"));
    };
    words();
    const observer = new MutationObserver(words);
    observer.observe(button, { childList: true, characterData: true, subtree: true });
    this.#visit.media.addEventListener("change", words);
    const close = this.close.bind(this);
    this.close = () => {
      observer.disconnect();
      this.#visit.media.removeEventListener("change", words);
      close();
    };
  }

  async #measure() {
    this.#measured = true;
    this.#renderNetwork(null);
    const findings = await checkNetwork(this.#visit.client);
    if (this.#open) this.#renderNetwork(findings);
  }

  /** @param {NetworkFindings | null} findings  null while it is being measured */
  #renderNetwork(findings) {
    if (!findings) return this.#network.replaceChildren(h("li.busy", {}, h("span.spinner"), h("span", {}, t("check.measuring"))));
    const { joined, service_ms, media, media_ms } = findings;
    const ms = (/** @type {number} */ value) => t("check.ms", { ms: Math.max(1, Math.round(value)) });
    /** @type {["good" | "bad" | "calm", string][]} */
    const lines = [
      joined ? ["good", t("check.joined")] : ["bad", t("check.not-joined")],
      service_ms === null ? ["bad", t("check.no-answer")] : [service_ms > 400 ? "bad" : "good", t("check.answer", { time: ms(service_ms) })],
      media === "open" ? ["good", t("check.media.open", { time: ms(media_ms ?? 0) })]
        : media === "blocked" ? ["bad", t("check.media.blocked")] : ["calm", t("check.media.unknown")],
    ];
    const symbols = { good: () => icon("check"), bad: () => icon("warning"), calm: () => symbol("info") };
    return this.#network.replaceChildren(...lines.map(([kind, text]) => h(`li.${kind}`, {}, symbols[kind](), h("span", {}, text))),
      h("li.note", {}, h("small", {}, t("check.honest"))));
  }
}
