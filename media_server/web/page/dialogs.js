/** The dialogs of a call: settings, recording it, and ending it. DOM only. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { Pickers } from "./pickers.js";
import { problemNotice } from "./problem.js";

/** @typedef {import("../client/types.js").StatsSummary} StatsSummary */
/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */

/** @param {HTMLDialogElement} dialog */
function open(dialog) {
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // a click beside it
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * @param {LocalMedia} media
 * @param {() => StatsSummary | null} stats
 */
export function openSettings(media, stats) {
  const pickers = new Pickers(media);
  const problems = h("div");
  const figures = h("dl.figures");
  const dialog = h("dialog.sheet", { "aria-labelledby": "settings-title" },
    h("header", {},
      h("h2", { id: "settings-title" }, t("device.settings")),
      h("button.round.plain", { type: "button", "aria-label": t("common.close"), onclick: () => dialog.close() }, icon("close"))),
    problems, pickers.element,
    h("h3", {}, t("quality.title")), figures);
  const render = () => {
    void pickers.refresh();
    const wrong = media.problems.audio ?? media.problems.video;
    problems.replaceChildren(...(wrong ? [problemNotice(media.problems, () => void media.retry())] : []));
  };
  const tick = () => figures.replaceChildren(...figureRows(stats()));
  media.addEventListener("change", render);
  const timer = setInterval(tick, 1_000);
  dialog.addEventListener("close", () => {
    media.removeEventListener("change", render);
    clearInterval(timer);
  });
  render();
  tick();
  open(dialog);
}

/** What recording means, before somebody asks for it. @param {() => void} agree  for themselves, and ask the others @param {HTMLElement} words */
export function openRecord(agree, words) {
  const confirm = () => {
    dialog.close();
    agree();
  };
  const dialog = h("dialog.sheet", { "aria-labelledby": "record-title", "aria-describedby": "record-points" },
    h("h2", { id: "record-title", tabindex: -1, autofocus: true }, t("recording.dialog.title")),
    h("div", { id: "record-points" }, words),
    h("p", {}, t("recording.dialog.lead")),
    h("div.choices", {},
      h("button.primary", { type: "button", "data-action": "record-agree", onclick: confirm }, t("recording.dialog.agree")),
      h("button.secondary", { type: "button", onclick: () => dialog.close() }, t("common.cancel"))));
  open(dialog);
}

/** @param {{end: () => void, leave: () => void}} acts */
export function openEnd({ end, leave }) {
  /** @param {() => void} act */
  const then = (act) => () => {
    dialog.close();
    act();
  };
  const dialog = h("dialog.sheet", { "aria-labelledby": "end-title" },
    h("h2", { id: "end-title" }, t("end.title")),
    h("p", {}, t("end.lead")),
    h("div.choices", {},
      h("button.danger", { type: "button", onclick: then(end) }, t("end.all")),
      h("button.secondary", { type: "button", onclick: then(leave) }, t("end.leave")),
      h("button.quiet", { type: "button", autofocus: true, onclick: () => dialog.close() }, t("common.cancel"))));
  open(dialog);
}

/** @param {StatsSummary | null} summary @returns {Node[]} */
function figureRows(summary) {
  if (!summary) return [h("dt", {}, t("quality.none"))];
  const { uplink, downlink, sent, received, protocol } = summary;
  /** @type {[string, string][]} */
  const rows = [
    [t("quality.rtt"), uplink.rtt_ms === null ? "–" : `${Math.round(uplink.rtt_ms)} ms${protocol ? ` (${protocol.toUpperCase()})` : ""}`],
    [t("quality.loss"), `${percent(uplink.loss)} / ${percent(downlink.loss)}`],
    [t("quality.rate"), `${kilobits(uplink.bitrate_bps)} / ${kilobits(downlink.bitrate_bps)}`],
    [t("quality.picture"), `${size(sent)} / ${size(received)}`],
  ];
  return rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

/** @param {number | null} share */
function percent(share) {
  return share === null ? "–" : `${(share * 100).toFixed(1)} %`;
}

/** @param {number} bps */
function kilobits(bps) {
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`;
}

/** @param {{width: number, height: number, fps: number} | null} picture */
function size(picture) {
  return picture ? `${picture.width}×${picture.height}, ${picture.fps} fps` : "–";
}
