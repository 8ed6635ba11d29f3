/** What is wrong with a device, in words, and what to do about it. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./devices.js").DeviceProblem} DeviceProblem */

/** @typedef {Partial<Record<"audio" | "video", DeviceProblem>>} Problems */

/**
 * The microphone's first: it matters most.
 * @param {Problems} problems  at least one
 * @returns {{title: string, todo: string}}
 */
export function problemText(problems) {
  const problem = /** @type {DeviceProblem} */ (problems.audio ?? problems.video);
  const [microphone, camera] = [t("device.microphone"), t("device.camera")];
  const device = problems.audio === problems.video ? `${camera} / ${microphone}` : problems.audio ? microphone : camera;
  return { title: t(`problem.${problem}.title`, { device }), todo: t(`problem.${problem}.todo`) };
}

/**
 * @param {Problems} problems  at least one
 * @param {(() => void) | null} retry
 * @returns {HTMLElement}
 */
export function problemNotice(problems, retry) {
  const { title, todo } = problemText(problems);
  return h("div.notice.warning", { role: "alert" },
    icon("warning"),
    h("div", {},
      h("strong", {}, title),
      h("p", {}, todo),
      retry && (problems.audio ?? problems.video) !== "insecure"
        ? h("button.quiet", { type: "button", onclick: retry }, t("common.retry"))
        : null,
    ),
  );
}
