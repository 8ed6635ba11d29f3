/** Before joining: how one looks and sounds, which devices, which name. Nothing leaves this page yet. */

import { permitted } from "./devices.js";
import { h, icon, setIcon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { LevelMeter } from "./level.js";
import { Pickers } from "./pickers.js";
import { problemNotice } from "./problem.js";

/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("../client/types.js").Role} Role */

export class Lobby {
  #media;
  #role;
  #join;
  #meter = new LevelMeter();
  #pickers;
  #video = h("video.mirrored", { autoplay: true, playsinline: true, muted: true });
  #cover = h("div.cover");
  #level = h("div.level", { role: "meter", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, h("i"));
  #levelHint = h("small");
  #problem = h("div.trouble-spot");
  #devices;
  #name;
  #button = h("button.primary.large", { type: "submit" });
  #toggles = { audio: this.#toggle("audio"), video: this.#toggle("video") };
  #shownProblem = "{}";
  #busy = false;
  #open = true;
  element;

  /**
   * @param {LocalMedia} media
   * @param {Role} role
   * @param {string} name  as typed before
   * @param {(name: string) => void} join
   */
  constructor(media, role, name, join) {
    this.#media = media;
    this.#role = role;
    this.#join = join;
    this.#video.muted = true; // the attribute alone does not silence an element made by script
    this.#video.setAttribute("aria-label", t("lobby.preview"));
    this.#level.setAttribute("aria-label", t("lobby.level"));
    this.#pickers = new Pickers(media);
    this.#name = h("input", { id: "name", type: "text", maxlength: 80, autocomplete: "name", value: name, "aria-describedby": "name-hint" });
    // On a phone the button to join should be in sight; whoever needs another device will find it.
    this.#devices = h("details", { open: matchMedia("(min-width: 860px)").matches },
      h("summary", {}, icon("settings"), t("device.settings")), this.#pickers.element);
    const form = h("form.card", { onsubmit: (/** @type {Event} */ event) => void this.#submit(event) },
      h("div.field", {},
        h("label", { for: "name" }, t("lobby.name")), this.#name,
        h("small", { id: "name-hint" }, t("lobby.name.hint"))),
      this.#devices,
      this.#button,
      h("p.assurance", {}, icon("lock"), h("span", {}, t("lobby.secure"))),
    );
    const preview = h("section.preview", { "aria-label": t("lobby.preview") },
      h("div.picture", {}, this.#video, this.#cover, h("div.toggles", {}, this.#toggles.audio, this.#toggles.video)),
      h("div.sound", {}, icon("mic"), this.#level, this.#levelHint),
    );
    this.element = h("div.lobby", {},
      h("div.intro", {}, h("h1", {}, t(`lobby.title.${role}`)), h("p.lead", {}, t("lobby.lead"))),
      this.#problem, preview, form);
    media.addEventListener("change", this.#onChange);
    navigator.mediaDevices?.addEventListener("devicechange", this.#onChange);
    this.render();
    void this.#startIfPermitted();
    this.#animate();
  }

  #onChange = () => this.render();

  close() {
    this.#open = false;
    this.#media.removeEventListener("change", this.#onChange);
    navigator.mediaDevices?.removeEventListener("devicechange", this.#onChange);
    this.#meter.close();
  }

  /** Where to put the name back after a change of language. */
  get name() {
    return this.#name.value;
  }

  render() {
    const { tracks, asked, wanted } = this.#media;
    const shown = wanted.video ? tracks.video : null;
    if (shown && trackOf(this.#video) !== shown) this.#video.srcObject = new MediaStream([shown]);
    this.#video.hidden = !shown;
    this.#video.classList.toggle("mirrored", this.#media.facing === "user");
    this.#cover.replaceChildren(...(shown ? [] : this.#coverContent()));
    this.#cover.hidden = Boolean(shown);
    this.#renderToggle("audio");
    this.#renderToggle("video");
    this.#meter.listenTo(tracks.audio);
    setText(this.#levelHint, !asked ? "" : t(this.#media.isOn("audio") ? "lobby.level.speak" : "lobby.level.off"));
    this.#renderProblem();
    this.#button.disabled = this.#busy;
    setText(this.#button, this.#joinText());
    void this.#pickers.refresh().then(() => { this.#devices.hidden = this.#pickers.element.hidden; });
  }

  /** Only when it changes: it is read aloud each time it appears. */
  #renderProblem() {
    const { problems } = this.#media;
    const key = JSON.stringify(problems);
    if (key === this.#shownProblem) return;
    this.#shownProblem = key;
    const wrong = problems.audio ?? problems.video;
    this.#problem.replaceChildren(...(wrong ? [problemNotice(problems, () => void this.#ask())] : []));
    if (wrong) this.#problem.scrollIntoView({ block: "center" });
  }

  #joinText() {
    const { problems } = this.#media;
    if (problems.audio && problems.video) return t("lobby.join.without");
    if (problems.audio) return t("lobby.join.nomicrophone");
    if (problems.video) return t("lobby.join.nocamera");
    return t(`lobby.join.${this.#role}`);
  }

  /** @returns {Node[]} */
  #coverContent() {
    const { asked, wanted } = this.#media;
    if (this.#busy) return [icon("camera"), h("p", {}, t("lobby.asking"))];
    if (!asked) {
      return [
        icon("camera"),
        h("button.primary", { type: "button", onclick: () => void this.#ask() }, t("lobby.ask")),
        h("p", {}, t("lobby.ask.note")),
      ];
    }
    return [icon("camera-off"), h("p", {}, t(wanted.video ? "lobby.camera.none" : "lobby.camera.off"))];
  }

  /** @param {"audio" | "video"} kind */
  #toggle(kind) {
    return h("button.round", {
      type: "button",
      onclick: () => {
        const on = !this.#media.isOn(kind);
        void (kind === "audio" ? this.#media.setMicrophone(on) : this.#media.setCamera(on));
      },
    }, icon(kind === "audio" ? "mic" : "camera"));
  }

  /** @param {"audio" | "video"} kind */
  #renderToggle(kind) {
    const on = this.#media.isOn(kind);
    const button = this.#toggles[kind];
    const svg = button.querySelector("svg");
    if (svg) setIcon(svg, `${kind === "audio" ? "mic" : "camera"}${on ? "" : "-off"}`);
    button.classList.toggle("off", !on);
    button.hidden = !this.#media.asked;
    const texts = kind === "audio" ? /** @type {const} */ (["call.mute", "call.unmute"]) : /** @type {const} */ (["call.camera.off", "call.camera.on"]);
    button.setAttribute("aria-label", t(texts[on ? 0 : 1]));
    button.title = t(texts[on ? 0 : 1]);
  }

  /** No question where the answer is known already. */
  async #startIfPermitted() {
    if (this.#media.asked) return;
    if ((await permitted("audio")) && (await permitted("video"))) await this.#ask();
  }

  async #ask() {
    this.#busy = true;
    this.render();
    await this.#media.retry();
    this.#busy = false;
    if (this.#open) this.render();
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    if (!this.#media.asked) {
      await this.#ask();
      // Something is missing: say so first, and let the person decide to go on without.
      if (this.#media.problems.audio || this.#media.problems.video) return;
    }
    this.#media.forgo(); // it has been said what fails, and the button says "without"
    this.#busy = true;
    this.#button.disabled = true;
    setText(this.#button, t("lobby.joining"));
    this.#join(this.#name.value.trim());
  }

  #animate() {
    if (!this.#open) return;
    const value = this.#media.isOn("audio") ? this.#meter.read() : 0;
    const bar = /** @type {HTMLElement} */ (this.#level.firstElementChild);
    bar.style.transform = `scaleX(${value.toFixed(3)})`;
    this.#level.setAttribute("aria-valuenow", String(Math.round(value * 100)));
    requestAnimationFrame(() => this.#animate());
  }
}

/** @param {HTMLVideoElement} video */
function trackOf(video) {
  return video.srcObject instanceof MediaStream ? (video.srcObject.getVideoTracks()[0] ?? null) : null;
}
