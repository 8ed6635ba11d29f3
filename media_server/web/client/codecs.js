/** Order of codecs in an offer. Pure. */

/**
 * Put one codec first and keep the rest, so that whoever answers still has a choice. Of H.264 the constrained-baseline
 * flavour with packetization mode 1 goes first: the one that every browser can both send and receive (RFC 7742 §6.2).
 *
 * @template {{mimeType: string, sdpFmtpLine?: string}} T
 * @param {T[]} codecs
 * @param {string} preferred  "vp8", "h264", …
 * @returns {T[]}
 */
export function orderCodecs(codecs, preferred) {
  /** @param {T} codec */
  const rank = ({ mimeType, sdpFmtpLine = "" }) => {
    if (mimeType.split("/")[1]?.toLowerCase() !== preferred.toLowerCase()) return 2;
    const plain = /profile-level-id=42e0/i.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine);
    return plain ? 0 : 1;
  };
  return [...codecs].sort((one, other) => rank(one) - rank(other)); // sort is stable
}
