/** Cameras, microphones and speakers: asking for them, listing them, and naming what went wrong. No DOM. */

/** @typedef {"insecure" | "permission-denied" | "permission-dismissed" | "permission-system" | "no-device" | "device-in-use" | "device-failed" | "not-sent"} DeviceProblem */
/** @typedef {"audio" | "video"} Kind */

/**
 * @typedef {object} Choice
 * @property {string | null} microphone  device id; null leaves it to the browser
 * @property {string | null} camera
 * @property {"user" | "environment"} facing  for phones, while no camera is chosen by id
 */

/**
 * What a DOMException of getUserMedia means (Media Capture and Streams §10.2.1).
 * @param {unknown} error
 * @returns {DeviceProblem}
 */
export function problemOf(error) {
  const { name = "", message = "" } = /** @type {{name?: string, message?: string}} */ (error ?? {});
  if (name === "NotAllowedError" || name === "SecurityError") {
    if (/dismissed/i.test(message)) return "permission-dismissed";
    return /system/i.test(message) ? "permission-system" : "permission-denied";
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") return "no-device";
  if (name === "NotReadableError" || name === "AbortError") return "device-in-use";
  return "device-failed";
}

export function devicesAvailable() {
  return globalThis.isSecureContext !== false && Boolean(navigator.mediaDevices?.getUserMedia);
}

/** @returns {boolean} whether this looks like a phone or tablet held in the hand */
export function handheld() {
  return matchMedia("(pointer: coarse)").matches && Math.min(screen.width, screen.height) < 900;
}

/** @param {Choice} choice @returns {MediaTrackConstraints} */
export function audioConstraints({ microphone }) {
  return {
    echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1,
    ...(microphone ? { deviceId: { exact: microphone } } : {}),
  };
}

/** @param {Choice} choice @returns {MediaTrackConstraints} */
export function videoConstraints({ camera, facing }) {
  return {
    width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 },
    ...(camera ? { deviceId: { exact: camera } } : { facingMode: facing }),
  };
}

/**
 * Ask for one kind of device; when the wish is too strict for it, again with less.
 * @param {Kind} kind
 * @param {Choice} choice
 * @returns {Promise<MediaStreamTrack>}
 */
export async function capture(kind, choice) {
  const constraints = kind === "audio" ? { audio: audioConstraints(choice) } : { video: videoConstraints(choice) };
  try {
    return firstTrack(await navigator.mediaDevices.getUserMedia(constraints));
  } catch (error) {
    if (problemOf(error) !== "no-device" && problemOf(error) !== "device-in-use") throw error;
    const modest = kind === "audio" ? { audio: true } : { video: { width: { ideal: 640 }, height: { ideal: 480 } } };
    return firstTrack(await navigator.mediaDevices.getUserMedia(modest));
  }
}

/**
 * Ask for all that is wanted with one question to the person; when that fails, for each alone, so that a broken camera
 * does not cost the microphone.
 * @param {Kind[]} kinds
 * @param {Choice} choice
 * @returns {Promise<{audio: MediaStreamTrack | null, video: MediaStreamTrack | null, problems: Partial<Record<Kind, DeviceProblem>>}>}
 */
export async function captureAll(kinds, choice) {
  if (kinds.length === 0) return { audio: null, video: null, problems: {} };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: kinds.includes("audio") && audioConstraints(choice),
      video: kinds.includes("video") && videoConstraints(choice),
    });
    return { audio: stream.getAudioTracks()[0] ?? null, video: stream.getVideoTracks()[0] ?? null, problems: {} };
  } catch (error) {
    const problem = problemOf(error);
    if (problem.startsWith("permission")) {
      // One answer for two devices: somebody may have refused the camera only, so ask the browser what it will give.
      return captureEach(kinds, choice, problem);
    }
    return captureEach(kinds, choice, null);
  }
}

/** @param {Kind[]} kinds @param {Choice} choice @param {DeviceProblem | null} refused */
async function captureEach(kinds, choice, refused) {
  /** @type {Partial<Record<Kind, DeviceProblem>>} */
  const problems = {};
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  const tracks = { audio: null, video: null };
  for (const kind of kinds) {
    if (refused && !(await permitted(kind))) {
      problems[kind] = refused; // no second question right after a "no"
      continue;
    }
    try {
      tracks[kind] = await capture(kind, choice);
    } catch (error) {
      problems[kind] = problemOf(error);
    }
  }
  return { ...tracks, problems };
}

/** @param {Kind} kind @returns {Promise<boolean>} whether the browser says that it would be given without a question */
export async function permitted(kind) {
  try {
    const name = /** @type {PermissionName} */ (kind === "audio" ? "microphone" : "camera");
    return (await navigator.permissions.query({ name })).state === "granted";
  } catch {
    return false; // a browser that cannot say
  }
}

/**
 * @returns {Promise<{microphones: MediaDeviceInfo[], cameras: MediaDeviceInfo[], speakers: MediaDeviceInfo[]}>}
 *   empty before permission, when labels and ids are withheld
 */
export async function listDevices() {
  const all = devicesAvailable() ? await navigator.mediaDevices.enumerateDevices() : [];
  const known = all.filter(({ deviceId }) => deviceId !== "");
  return {
    microphones: known.filter(({ kind }) => kind === "audioinput"),
    cameras: known.filter(({ kind }) => kind === "videoinput"),
    speakers: known.filter(({ kind }) => kind === "audiooutput"),
  };
}

/** @param {MediaStream} stream @returns {MediaStreamTrack} */
function firstTrack(stream) {
  const [track] = stream.getTracks();
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}
