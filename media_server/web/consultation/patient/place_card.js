/** The place in the queue and how long it may take, live. DOM only. */

import { h, setText } from "../../page/dom.js";
import { symbol } from "../parts/symbols.js";
import { t } from "./i18n.js";

/** @typedef {import("./visit.js").Visit} Visit */

export class PlaceCard {
  #visit;
  #number = h("strong.place-number");
  #label = h("span.place-label");
  #wait = h("span.place-wait");
  #stops;
  #said = "";
  element;

  /** @param {Visit} visit @param {boolean} [small]  one line */
  constructor(visit, small = false) {
    this.#visit = visit;
    this.element = h(small ? "section.place.small.card" : "section.place", { "aria-label": t("wait.place") },
      small ? symbol("clock") : null, this.#number, h("span.stack.tight", {}, this.#label, this.#wait));
    this.#stops = [visit.client.on("change", () => this.render()), visit.client.on("queue", () => this.render()), visit.onNews(() => this.render())];
    this.render();
  }

  /** What the room says counts; until it has spoken, what the service said. */
  get queue() {
    return this.#visit.client.queue ?? this.#visit.consultation.queue ?? null;
  }

  render() {
    const { queue } = this;
    const taken = queue?.position === 0 || this.#visit.consultation.state === "triaged" || this.#visit.consultation.state === "in-progress";
    this.element.classList.toggle("taken", taken);
    this.#number.hidden = taken || !queue;
    setText(this.#number, String(queue?.position ?? ""));
    const label = this.#visit.mayReturn ? t("wait.gone") : taken ? t("wait.taken") : !queue ? t("wait.finding") : queue.position === 1 ? t("wait.first") : t("wait.number", { number: queue.position });
    setText(this.#label, label);
    const minutes = Math.ceil((queue?.estimated_wait_s ?? 0) / 60);
    const wait = taken || !queue ? "" : minutes > 0 ? t("wait.minutes", { minutes }) : t("wait.soon");
    setText(this.#wait, wait);
    const now = `${label}. ${wait}`;
    if (queue && this.#said !== "" && now !== this.#said) this.#visit.app.say(now);
    if (queue) this.#said = now;
  }

  close() {
    this.#stops.forEach((stop) => stop());
  }
}
