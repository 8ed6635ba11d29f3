/**
 * Messages and files between the people in a room. A message travels as `relay` of the kind `chat` and is kept nowhere but on
 * this page; a file is an attachment of the consultation, and a message tells of it.
 *
 * The body is JSON in UTF-8: `{"text": "…"}` or `{"attachment": {"id", "content_type", "bytes"}}`.
 */

import { h, setText } from "../../page/dom.js";
import { errorText } from "../errors.js";
import { onLanguage, sizeText, t, timeText } from "../i18n.js";
import { busy } from "./busy.js";
import { openDialog } from "./dialog.js";
import { symbol } from "./symbols.js";
import { toast } from "./toast.js";

/** @typedef {import("../../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../types.js").Attachment} Attachment */
/** @typedef {{text: string} | {attachment: Attachment}} Said */

const MOST_CHARACTERS = 2_000;
export const MOST_BYTES = 10 * 1024 * 1024;
export const FILE_TYPES = "image/jpeg,image/png,image/webp,application/pdf";

export class ChatPanel {
  #client;
  #api;
  #consultation;
  #announce;
  #changed;
  /** Attachments that are on the list. @type {Set<string>} */
  #known = new Set();
  #list = h("ol.chat-lines");
  #log = h("div.chat-scroll", { role: "log", tabindex: 0 });
  #none = h("p.chat-none");
  #input = h("textarea", { rows: 1, maxlength: MOST_CHARACTERS, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) });
  #title = h("h2", { tabindex: -1 });
  #send = h("button.primary.round", { type: "submit" }, symbol("send"));
  #close = h("button.round.plain", { type: "button", onclick: () => this.toggle(false) }, symbol("close"));
  #fileInput = h("input.hidden", { type: "file", accept: FILE_TYPES, tabindex: -1, "aria-hidden": "true" });
  #document = h("button.secondary", { type: "button", "data-action": "document", onclick: () => this.#fileInput.click() });
  #photo;
  /** @type {(() => void)[]} */
  #stops;
  /** What has come in since the panel was open. */
  unread = 0;
  element;

  /**
   * @param {object} options
   * @param {TeleconsultClient} options.client
   * @param {import("../api.js").Api} options.api
   * @param {string} options.consultation
   * @param {(text: string) => void} options.announce  reads it aloud
   * @param {() => void} options.changed               open or unread is another
   * @param {(() => void) | null} [options.photo]      takes a photo; null where there is no camera to take one
   */
  constructor({ client, api, consultation, announce, changed, photo = null }) {
    this.#client = client;
    this.#api = api;
    this.#consultation = consultation;
    this.#announce = announce;
    this.#changed = changed;
    this.#photo = photo && h("button.secondary", { type: "button", "data-action": "photo", onclick: photo });
    this.#fileInput.addEventListener("change", () => void this.#filesChosen());
    this.element = h("aside.chat", { hidden: true },
      h("header", {}, this.#title, this.#close), this.#log,
      h("div.chat-files", {}, this.#photo, this.#document, this.#fileInput),
      h("form", { onsubmit: (/** @type {Event} */ event) => void this.#submit(event) }, this.#input, this.#send));
    this.#log.append(this.#none, this.#list);
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.toggle(false));
    this.#stops = [client.on("relay", ({ from, kind, body }) => kind === "chat" && this.#receive(from, body)), onLanguage(() => this.render())];
    this.render();
  }

  get open() {
    return !this.element.hidden;
  }

  /** @param {boolean} [open] */
  toggle(open = !this.open) {
    if (open === this.open) return;
    const focused = this.element.contains(document.activeElement);
    this.element.hidden = !open;
    if (open) {
      this.unread = 0;
      this.#bottom();
      this.#title.focus({ preventScroll: true });
    }
    this.#changed();
    if (!open && focused) /** @type {HTMLElement | null} */ (document.querySelector('[data-action="chat"]'))?.focus();
  }

  render() {
    setText(this.#title, t("chat.title"));
    setText(this.#none, t("chat.none"));
    this.#none.hidden = this.#list.childElementCount > 0;
    this.element.setAttribute("aria-label", t("chat.title"));
    this.#log.setAttribute("aria-label", t("chat.title"));
    this.#input.setAttribute("aria-label", t("chat.write"));
    this.#input.placeholder = t("chat.write");
    this.#send.setAttribute("aria-label", t("chat.send"));
    this.#close.setAttribute("aria-label", t("common.close"));
    this.#document.replaceChildren(symbol("document"), t("chat.document"));
    this.#photo?.replaceChildren(symbol("photo"), t("chat.photo"));
  }

  /** Files that were sent before this page was opened. @param {Attachment[]} attachments */
  addKnown(attachments) {
    for (const attachment of attachments) {
      if (!this.#known.has(attachment.id)) this.#add({ attachment }, this.#nameOf(attachment.from ?? ""), attachment.created_at);
    }
  }

  /** @param {string} participant @returns {string | null} null for oneself */
  #nameOf(participant) {
    const { self, participants } = this.#client;
    return participant === self?.id ? null : (participants.find(({ id }) => id === participant)?.name ?? "");
  }

  /** Hand a file in and tell the others of it; says itself when that fails. @param {Blob} file @returns {Promise<boolean>} */
  async sendFile(file) {
    const problem = file.size > MOST_BYTES ? "too-large" : FILE_TYPES.split(",").includes(file.type) ? null : "wrong-type";
    if (problem) {
      toast(t(`error.${problem}`), "bad");
      return false;
    }
    try {
      const attachment = await this.#api.attach(this.#consultation, file);
      const said = { attachment: { id: attachment.id, content_type: attachment.content_type ?? file.type, bytes: attachment.bytes ?? file.size } };
      this.#add(said, null);
      await this.#client.relay(null, "chat", encode(said));
      return true;
    } catch (error) {
      toast(errorText(error), "bad");
      return false;
    }
  }

  close() {
    this.#stops.forEach((stop) => stop());
  }

  async #filesChosen() {
    const files = [...(this.#fileInput.files ?? [])];
    this.#fileInput.value = "";
    for (const file of files) await busy(this.#document, () => this.sendFile(file));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#input.form?.requestSubmit();
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const text = this.#input.value.trim();
    if (text === "") return;
    this.#input.value = "";
    const line = this.#add({ text }, null);
    try {
      await this.#client.relay(null, "chat", encode({ text }));
    } catch {
      line.classList.add("unsent");
      line.append(h("small", {}, t("chat.unsent")));
      this.#announce(t("chat.unsent"));
      this.#input.value ||= text; // to be sent once more
    }
  }

  /** @param {string} from @param {Uint8Array} body */
  #receive(from, body) {
    const said = decode(body);
    if (!said) return;
    const name = this.#nameOf(from) ?? "";
    this.#add(said, name);
    if (this.open) return;
    this.unread += 1;
    this.#announce(t("chat.new", { name }));
    this.#changed();
  }

  /** @param {Said} said @param {string | null} name  null for oneself @param {string} [at] */
  #add(said, name, at = new Date().toISOString()) {
    if ("attachment" in said) this.#known.add(said.attachment.id);
    const content = "text" in said ? h("p", {}, said.text) : this.#fileLine(said.attachment);
    const line = h(name === null ? "li.own" : "li", {}, h("small", {}, [name ?? t("chat.you"), timeText(at)].filter(Boolean).join(" · ")), content);
    this.#list.append(line);
    this.#none.hidden = true;
    this.#bottom();
    return line;
  }

  /** @param {Attachment} attachment */
  #fileLine({ id, content_type, bytes }) {
    const image = content_type.startsWith("image/");
    const name = t(image ? "chat.photo" : "chat.document");
    const button = h("button.file-line", { type: "button" },
      symbol(image ? "photo" : "document"), h("span", {}, name), h("small", {}, sizeText(bytes)));
    button.addEventListener("click", () => void busy(button, () => showAttachment(this.#api, this.#consultation, { id, content_type, bytes }))
      .catch((error) => toast(errorText(error), "bad")));
    return button;
  }

  #bottom() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/**
 * Look at a photo, or get hold of a document. Rejects with an ApiError.
 * @param {import("../api.js").Api} api @param {string} consultation @param {Attachment} attachment
 */
export async function showAttachment(api, consultation, { id, content_type }) {
  const blob = await api.attachment(consultation, id);
  // Its type is what was handed in, whatever the service may say: only pictures are drawn here, nothing runs.
  const url = URL.createObjectURL(new Blob([blob], { type: content_type }));
  const image = content_type.startsWith("image/");
  const name = t(image ? "chat.photo" : "chat.document");
  const { answered } = openDialog({
    title: name, symbol: image ? "photo" : "document", className: image ? "picture-sheet" : "",
    body: [
      ...(image ? [h("img.attached", { src: url, alt: name })] : []),
      h("a.button.secondary", { href: url, download: `${image ? "photo" : "document"}.${content_type.split("/")[1]}` }, t("chat.open", { name })),
    ],
  });
  await answered;
  URL.revokeObjectURL(url);
}

/** @param {Said} said */
function encode(said) {
  return new TextEncoder().encode(JSON.stringify(said));
}

/** @param {Uint8Array} body @returns {Said | null} null for what is no message of ours */
function decode(body) {
  try {
    const said = JSON.parse(new TextDecoder().decode(body));
    if (typeof said.text === "string") return { text: said.text.slice(0, MOST_CHARACTERS) };
    const { id, content_type, bytes } = said.attachment;
    const sound = typeof id === "string" && /^[\w-]+$/.test(id) && typeof content_type === "string" && FILE_TYPES.split(",").includes(content_type);
    return sound && Number.isFinite(bytes) ? { attachment: { id, content_type, bytes } } : null;
  } catch {
    return null;
  }
}
