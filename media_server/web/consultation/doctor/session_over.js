/** The session has ended in the middle of a consultation: log in beside it, and go on where one was. DOM only. */

import { h } from "../../page/dom.js";
import { ApiError, loginUrl } from "../api.js";
import { language } from "../i18n.js";
import { openDialog } from "../parts/dialog.js";
import { t } from "./i18n.js";

let shown = false;

/**
 * @param {() => Promise<boolean>} valid  whether there is a session again
 * @returns {Promise<boolean>} once there is; false when it was asked for already
 */
export async function openSessionOver(valid) {
  if (shown) return false;
  shown = true;
  const login = h("a.button.primary",
    { href: loginUrl("doctor", location.pathname, language()), target: "_blank", rel: "noopener" }, t("session.login"));
  const { answered } = openDialog({
    title: t("session.title"), symbol: "lock", dismissable: false, body: [h("p", {}, t("session.lead")), login],
    actions: [{ label: t("session.again"), kind: "secondary", value: "again", act: async () => {
      if (await valid()) return;
      throw new ApiError(401, "not-logged-in");
    } }],
  });
  await answered;
  shown = false;
  return true;
}
