/** The front page: its texts, and the room of the address handed on to the doors. */

import { installLanguageMenu } from "./page/language_menu.js";

installLanguageMenu();
for (const door of document.querySelectorAll("a.door")) {
  /** @type {HTMLAnchorElement} */ (door).search = location.search;
}
