/** The buttons of the call. DOM only. */

import { handheld, listDevices } from "./devices.js";
import { h, icon, setIcon, setText } from "./dom.js";
import { keepingFocus } from "./focus.js";
import { t } from "./i18n.js";

/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */
/** @typedef {import("./i18n.js").TextKey} TextKey */

class ToolButton {
  #label = h("span");
  #svg;
  element;

  /** @param {string} action  its stable name, for tests and embedders @param {string} symbol @param {() => unknown} act */
  constructor(action, symbol, act) {
    this.#svg = icon(symbol);
    const parts = [h("span.disc", {}, this.#svg), this.#label];
    this.element = h("button.tool", { type: "button", "data-action": action, onclick: act }, ...parts);
  }

  /** @param {TextKey} label @param {string} symbol @param {boolean} [off] */
  render(label, symbol, off = false) {
    setText(this.#label, t(label));
    setIcon(this.#svg, symbol);
    this.element.classList.toggle("off", off);
  }
}

export class Toolbar {
  #media;
  #doctor;
  #mic;
  #camera;
  #flip;
  #share;
  #record;
  #settings;
  #leave;
  element;

  /**
   * @param {LocalMedia} media
   * @param {boolean} doctor
   * @param {{record: () => void, settings: () => void, leave: () => void, say: (key: TextKey) => void}} acts
   * @param {HTMLElement[]} [tools]  more buttons, of a page of its own
   */
  constructor(media, doctor, { record, settings, leave, say }, tools = []) {
    this.#media = media;
    this.#doctor = doctor;
    // What is said is what came of it; when a device does not obey, the banner says so.
    this.#mic = new ToolButton("microphone", "mic", async () => {
      const on = !media.isOn("audio");
      await media.setMicrophone(on);
      if (media.isOn("audio") === on) say(on ? "say.unmuted" : "say.muted");
    });
    this.#camera = new ToolButton("camera", "camera", async () => {
      const on = !media.isOn("video");
      await media.setCamera(on);
      if (media.isOn("video") === on) say(on ? "say.camera.on" : "say.camera.off");
    });
    this.#flip = new ToolButton("flip", "flip", () => void media.flipCamera());
    this.#share = new ToolButton("screen", "screen", () => media.screen ? media.stopScreen() : void media.shareScreen());
    this.#record = new ToolButton("record", "record", record);
    this.#settings = new ToolButton("settings", "settings", settings);
    this.#leave = new ToolButton("leave", "leave", leave);
    this.#leave.element.classList.add("danger");
    const buttons = [this.#mic, this.#camera, this.#flip, this.#share, this.#record].map(({ element }) => element);
    this.element = h("nav.toolbar", {}, ...buttons, ...tools, this.#settings.element, this.#leave.element);
    this.#flip.element.hidden = true;
    void this.#offerFlip();
    this.render();
  }

  /** @param {boolean} [mayRecord]  whether a recording may be asked for now */
  render(mayRecord = false) {
    const { screen } = this.#media;
    const micOn = this.#media.isOn("audio");
    const cameraOn = this.#media.isOn("video");
    this.element.setAttribute("aria-label", t("call.controls"));
    this.#mic.render(micOn ? "call.mute" : "call.unmute", micOn ? "mic" : "mic-off", !micOn);
    this.#camera.render(cameraOn ? "call.camera.off" : "call.camera.on", cameraOn ? "camera" : "camera-off", !cameraOn);
    this.#flip.render("call.flip", "flip");
    this.#share.render(screen ? "call.unshare" : "call.share", "screen", Boolean(screen));
    this.#share.element.hidden = !this.#doctor || handheld() || !navigator.mediaDevices?.getDisplayMedia;
    this.#record.render("recording.record", "record");
    keepingFocus(this.#record.element, () => { this.#record.element.hidden = !mayRecord; });
    this.#settings.render("call.settings", "settings");
    this.#leave.render(this.#doctor ? "call.end" : "call.leave", "leave");
  }

  async #offerFlip() {
    const { cameras } = await listDevices();
    this.#flip.element.hidden = !handheld() || cameras.length < 2;
  }
}
