/** The waiting room: the place, what happens next, camera and consents at hand, and the way out. DOM only. */

import { h, setText } from "../../page/dom.js";
import { badge, card, notice } from "../parts/layout.js";
import { symbol } from "../parts/symbols.js";
import { t } from "./i18n.js";
import { PlaceCard } from "./place_card.js";
import { ReturnOffer } from "./return_offer.js";

/** @typedef {import("./visit.js").Visit} Visit */

export class WaitingView {
  #visit;
  #place;
  #offer;
  #video = h("video.mirrored", { autoplay: true, playsinline: true, muted: true });
  #camera = h("span");
  #microphone = h("span");
  #link = h("div.link-state");
  #doctor = h("p.lead");
  #stops;
  title = t("wait.title");
  element;

  /** @param {Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#place = new PlaceCard(visit);
    this.#offer = new ReturnOffer(visit);
    this.#video.muted = true;
    this.#video.setAttribute("aria-label", t("wait.picture"));
    this.element = h("div.page", {},
      h("section.card.waiting-card", {}, h("div.breath", { "aria-hidden": "true" }, symbol("door")),
        h("h1", { tabindex: -1 }, t("wait.title")), this.#place.element, this.#doctor),
      this.#offer.element,
      this.#link,
      card(t("wait.devices"), { symbol: "camera", aside: h("button.quiet", { type: "button", "data-action": "check", onclick: () => visit.checkAgain() }, t("wait.check")) },
        h("div.device-line", {}, h("div.thumb", {}, this.#video), h("div.stack.tight", {}, this.#camera, this.#microphone))),
      card(t("wait.next"), { symbol: "info" }, h("ul.points", {}, ...[t("wait.next.stay"), t("wait.next.keep"), t("wait.next.reads")].map((text) => h("li", {}, text)))),
      notice("danger", null, h("p", {}, t("wait.worse"), " ", h("a.call-link", { href: "tel:112" }, "112"))),
      h("div.acts-row.spread", {},
        h("button.secondary", { type: "button", "data-action": "consents", onclick: () => visit.consents.open() }, symbol("shield"), t("consents.mine")),
        h("button.quiet.danger-text", { type: "button", "data-action": "cancel", onclick: () => void visit.cancel() }, t("wait.leave"))));
    visit.media.addEventListener("change", this.#render);
    this.#stops = [visit.client.on("change", this.#render), visit.client.on("state", this.#render), visit.onNews(this.#render)];
    if (!visit.media.asked) void visit.media.start();
    this.#render();
  }

  close() {
    this.#visit.media.removeEventListener("change", this.#render);
    this.#stops.forEach((stop) => stop());
    this.#place.close();
    this.#offer.close();
    this.#video.srcObject = null;
  }

  #render = () => {
    const { media, client, consultation, mayReturn } = this.#visit;
    this.#place.render();
    const track = media.wanted.video ? media.tracks.video : null;
    const shown = this.#video.srcObject instanceof MediaStream ? this.#video.srcObject.getVideoTracks()[0] : null;
    if (track && shown !== track) this.#video.srcObject = new MediaStream([track]);
    if (!track) this.#video.srcObject = null;
    this.#video.hidden = !track;
    this.#video.classList.toggle("mirrored", media.facing === "user");
    this.#line(this.#camera, media.isOn("video"), t("wait.camera.on"), t("wait.camera.off"));
    this.#line(this.#microphone, media.isOn("audio"), t("wait.microphone.on"), t("wait.microphone.off"));
    setText(this.#doctor, mayReturn ? "" : consultation.doctor ? t("wait.doctor", { name: consultation.doctor.name }) : t("wait.lead"));
    const lost = client.state === "reconnecting";
    if (lost && this.#link.childElementCount === 0) this.#visit.app.say(t("wait.reconnecting"));
    if (lost && this.#link.childElementCount === 0) this.#link.append(notice("info", null, h("p", {}, t("wait.reconnecting"))));
    if (!lost) this.#link.replaceChildren();
  };

  /** @param {HTMLElement} line @param {boolean} on @param {string} yes @param {string} no */
  #line(line, on, yes, no) {
    if (line.textContent === (on ? yes : no)) return;
    line.replaceChildren(badge(on ? yes : no, on ? "good" : "warn"));
  }
}
