/** Choosing camera, microphone and loudspeaker; the same in the lobby and during the call. */

import { listDevices } from "./devices.js";
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { chime } from "./level.js";

/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */

const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

/** A fieldset that follows the devices; call `refresh` when they may have changed. */
export class Pickers {
  #media;
  #camera = h("select", { onchange: () => void this.#media.selectCamera(this.#camera.value) });
  #microphone = h("select", { onchange: () => void this.#media.selectMicrophone(this.#microphone.value) });
  #speaker = h("select", { onchange: () => this.#media.selectSpeaker(this.#speaker.value) });
  #speakerRow;
  element;

  /** @param {LocalMedia} media */
  constructor(media) {
    this.#media = media;
    const test = h("button.quiet", { type: "button", onclick: () => void chime(this.#media.speaker) }, t("device.test"));
    this.#speakerRow = row("speaker", t("device.speaker"), canChooseSpeaker ? this.#speaker : null, test);
    this.element = h("div.pickers", {},
      row("camera", t("device.camera"), this.#camera),
      row("mic", t("device.microphone"), this.#microphone),
      this.#speakerRow,
    );
  }

  async refresh() {
    const { cameras, microphones, speakers } = await listDevices();
    fill(this.#camera, cameras, this.#media.tracks.video?.getSettings().deviceId ?? this.#media.choice.camera);
    fill(this.#microphone, microphones, this.#media.tracks.audio?.getSettings().deviceId ?? this.#media.choice.microphone);
    fill(this.#speaker, speakers, this.#media.speaker);
    this.element.hidden = cameras.length + microphones.length === 0;
  }
}

/** @param {string} symbol @param {string} label @param {HTMLElement | null} control @param {HTMLElement} [extra] */
function row(symbol, label, control, extra) {
  const name = h("span.picker-name", {}, icon(symbol), label);
  return h("div.picker", {}, control ? h("label", {}, name, control) : name, extra);
}

/** @param {HTMLSelectElement} select @param {MediaDeviceInfo[]} devices @param {string | null | undefined} chosen */
function fill(select, devices, chosen) {
  const options = devices.map(({ deviceId, label }, index) =>
    h("option", { value: deviceId, selected: deviceId === chosen }, label || `${t("device.default")} ${index + 1}`));
  if (options.length === 0) options.push(h("option", { value: "" }, t("device.default")));
  select.disabled = devices.length < 2;
  select.replaceChildren(...options);
}
