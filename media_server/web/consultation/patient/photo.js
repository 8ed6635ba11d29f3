/** A still photo, as sharp as the camera can: framed in the picture, looked at, then sent or taken again. DOM only. */

import { h } from "../../page/dom.js";
import { busy } from "../parts/busy.js";
import { openDialog } from "../parts/dialog.js";
import { symbol } from "../parts/symbols.js";
import { toast } from "../parts/toast.js";
import { listDevices } from "../../page/devices.js";
import { t } from "./i18n.js";

/** @typedef {import("../../page/local_media.js").LocalMedia} LocalMedia */

const QUALITY = 0.92;
/** What the service takes; a photo that is larger is made smaller. */
const MOST_BYTES = 10 * 1024 * 1024;

/** @param {LocalMedia} media @param {(photo: Blob) => Promise<boolean>} send  whether it was sent */
export async function takePhoto(media, send) {
  if (!media.tracks.video) await media.setCamera(true);
  if (!media.tracks.video) return toast(t("photo.no-camera"), "bad");
  const video = h("video.viewfinder", { autoplay: true, playsinline: true, muted: true, "aria-label": t("photo.finder") });
  video.muted = true;
  const still = h("img.viewfinder", { alt: t("photo.taken"), hidden: true });
  const shoot = h("button.primary.large", { type: "button", "data-action": "shoot" }, symbol("photo"), t("photo.take"));
  const flip = h("button.secondary", { type: "button", hidden: true, onclick: () => void media.flipCamera() }, t("photo.flip"));
  const use = h("button.primary.large", { type: "button", "data-action": "send-photo", hidden: true }, symbol("send"), t("photo.send"));
  const again = h("button.secondary", { type: "button", hidden: true }, t("photo.again"));
  /** @type {Blob | null} */
  let photo = null;
  const show = () => {
    if (media.tracks.video) video.srcObject = new MediaStream([media.tracks.video]);
    if (still.src) URL.revokeObjectURL(still.src);
    if (photo) still.src = URL.createObjectURL(photo);
    else still.removeAttribute("src");
    still.hidden = use.hidden = again.hidden = photo === null;
    video.hidden = shoot.hidden = photo !== null;
    void listDevices().then(({ cameras }) => { flip.hidden = photo !== null || cameras.length < 2; });
  };
  shoot.addEventListener("click", () => void busy(shoot, async () => {
    photo = media.tracks.video ? await stillOf(media.tracks.video, video) : null;
    show();
    use.focus();
  }));
  again.addEventListener("click", () => {
    photo = null;
    show();
    shoot.focus();
  });
  use.addEventListener("click", () => void busy(use, async () => {
    if (photo && (await send(photo))) close();
  }));
  media.addEventListener("change", show);
  const { answered, close } = openDialog({
    title: t("photo.title"), symbol: "photo", className: "picture-sheet",
    body: [h("p.muted", {}, t("photo.lead")), h("div.finder", {}, video, still), h("div.acts-row", {}, flip, again, shoot, use)],
  });
  show();
  await answered;
  media.removeEventListener("change", show);
  video.srcObject = null;
  if (still.src) URL.revokeObjectURL(still.src);
  return undefined;
}

/** @param {MediaStreamTrack} track @param {HTMLVideoElement} video  that plays it @returns {Promise<Blob>} a JPEG */
async function stillOf(track, video) {
  const { ImageCapture } = /** @type {{ImageCapture?: new (track: MediaStreamTrack) => {takePhoto: () => Promise<Blob>}}} */ (/** @type {unknown} */ (globalThis));
  if (ImageCapture) {
    try {
      const photo = await new ImageCapture(track).takePhoto();
      return await jpeg(await createImageBitmap(photo)); // drawn anew, which leaves place and device out of it
    } catch {
      // Some cameras take none while they film; the film's own picture then.
    }
  }
  return jpeg(await createImageBitmap(video));
}

/** @param {ImageBitmap} picture @param {number} [scale] @returns {Promise<Blob>} */
async function jpeg(picture, scale = 1) {
  const canvas = h("canvas", { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const photo = await new Promise((/** @type {(blob: Blob | null) => void} */ resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!photo) throw new Error("the picture could not be encoded");
  return photo.size > MOST_BYTES ? jpeg(picture, scale * 0.7) : photo;
}
