/** The fixed words for a warning sign: call 112. Going on all the same is possible, and written down. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { busy } from "../parts/busy.js";
import { symbol } from "../parts/symbols.js";
import { toast } from "../parts/toast.js";

/** @param {import("./flow.js").Flow} flow @param {import("../types.js").StopScreen} screen */
export function stopView(flow, screen) {
  const [first, ...others] = screen.numbers;
  const tell = (/** @type {"call-112" | "continue"} */ choice) => flow.warned(choice).catch((error) => toast(errorText(error), "bad"));
  const onward = h("button.secondary", { type: "button", "data-action": "continue" }, screen.continue_label);
  onward.addEventListener("click", () => void busy(onward, () => tell("continue")));
  const call = first && h("a.button.danger.large.call-now", { href: first.uri, "data-action": "call", onclick: () => void tell("call-112") },
    symbol("phone"), h("span", {}, screen.call_label));
  const element = h("section.stop.card", { role: "alert", "aria-labelledby": "stop-title" },
    h("div.badge.stop-badge", {}, symbol("warning")),
    h("h1", { id: "stop-title", tabindex: -1 }, screen.title),
    h("div.stack.tight.stop-text", {}, ...screen.text.split(/\n+/).map((line) => h("p", {}, line))),
    call ?? null,
    others.length > 0 ? h("ul.numbers", {}, ...others.map(({ number, uri, label }) => h("li", {},
      h("a", { href: uri }, h("strong", {}, number), h("span", {}, label))))) : null,
    h("div.acts-row.stop-acts", {}, h("button.quiet", { type: "button", onclick: () => flow.reconsider() }, screen.back_label), onward),
    h("small", {}, screen.recorded));
  return { element, title: screen.title };
}
