/** What is wrong with a device, in words, and what to do about it. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./devices.js").DeviceProblem} DeviceProblem */

/**
 * @param {Partial<Record<"audio" | "video", DeviceProblem>>} problems  at least one
 * @param {(() => void) | null} retry
 * @returns {HTMLElement}
 */
export function problemNotice(problems, retry) {
  const problem = /** @type {DeviceProblem} */ (problems.audio ?? problems.video);
  const device = t(problems.audio ? "device.microphone" : "device.camera");
  const both = problems.audio === problems.video ? `${t("device.camera")} / ${t("device.microphone")}` : device;
  return h("div.notice.warning", { role: "alert" },
    icon("warning"),
    h("div", {},
      h("strong", {}, t(`problem.${problem}.title`, { device: both })),
      h("p", {}, t(`problem.${problem}.todo`)),
      retry && problem !== "insecure"
        ? h("button.quiet", { type: "button", onclick: retry }, t("common.retry"))
        : null,
    ),
  );
}
