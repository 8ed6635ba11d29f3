/** What a sender is told beside its track: codec order, limits of each layer, what to give up first. */

import { orderCodecs } from "./codecs.js";

/** @typedef {import("./publication.js").Publication} Publication */

export const DEFAULT_VIDEO_BPS = 1_500_000;

/** @param {Publication} publication @returns {RTCRtpEncodingParameters[]} one for each layer */
export function sendEncodings({ kind, options: { encodings, maxBitrate = DEFAULT_VIDEO_BPS } }) {
  return encodings ?? [kind === "video" ? { maxBitrate } : { priority: "high", networkPriority: "high" }];
}

/** The browser's own order when none is wished for. @param {RTCRtpTransceiver} transceiver @param {Publication} publication */
export function preferCodec(transceiver, { kind, options: { codec } }) {
  const known = RTCRtpReceiver.getCapabilities?.(kind)?.codecs;
  if (!known || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences(codec ? orderCodecs(known, codec) : known);
}

/**
 * Bring a negotiated sender in line with its publication. What addTransceiver was told survives, but a section used again
 * has the limits of what it sent before, and the degradation preference can be set only now.
 * @param {{transceiver: RTCRtpTransceiver, publication: Publication | null}} section
 */
export async function applyLimits({ transceiver: { sender }, publication }) {
  if (!publication) return;
  const parameters = sender.getParameters();
  const before = JSON.stringify(parameters);
  sendEncodings(publication).forEach((wanted, index) => {
    const encoding = parameters.encodings[index];
    if (!encoding) return;
    if (wanted.maxBitrate === undefined) delete encoding.maxBitrate;
    if (wanted.maxFramerate === undefined) delete encoding.maxFramerate;
    const scale = publication.kind === "video" ? { scaleResolutionDownBy: wanted.scaleResolutionDownBy ?? encoding.scaleResolutionDownBy } : {};
    Object.assign(encoding, { active: true }, wanted, scale);
  });
  const { degradationPreference } = publication.options;
  if (degradationPreference) parameters.degradationPreference = degradationPreference;
  else delete parameters.degradationPreference;
  if (JSON.stringify(parameters) === before) return;
  await sender.setParameters(parameters).catch(() => {}); // a browser without one of them keeps its own way
}
