/** The doctor has vanished: to wait for them, or for another one. Shown for as long as the service offers it. DOM only. */

import { h } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { busy } from "../parts/busy.js";
import { symbol } from "../parts/symbols.js";
import { toast } from "../parts/toast.js";
import { t } from "./i18n.js";

export class ReturnOffer {
  #visit;
  #stop;
  element = h("section.card.return-offer", { "aria-labelledby": "return-title", hidden: true });

  /** @param {import("./visit.js").Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#stop = visit.onNews(() => this.#show());
    this.render();
  }

  /** In the language of now. */
  render() {
    const back = h("button.primary", { type: "button", "data-action": "return" }, t("return.act"));
    back.addEventListener("click", () => void busy(back, () => this.#visit.returnToQueue()).catch((error) => toast(errorText(error), "bad")));
    this.element.replaceChildren(symbol("clock"),
      h("div.stack.tight", {}, h("h2", { id: "return-title" }, t("return.title")), h("p", {}, t("return.text"))), back);
    this.#show();
  }

  #show() {
    const offered = this.#visit.mayReturn;
    if (offered && this.element.hidden) this.#visit.app.say(`${t("return.title")}. ${t("return.text")}`);
    this.element.hidden = !offered;
  }

  close() {
    this.#stop();
  }
}
