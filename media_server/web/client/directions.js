/** Which way each m-section of a description goes. Pure. */

/**
 * @param {string} sdp
 * @returns {Map<string, string>} mid → "sendonly", "recvonly", "inactive" or, as by default (RFC 8866 §6.7), "sendrecv"
 */
export function directions(sdp) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const section of sdp.split(/^m=/m).slice(1)) {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
    const direction = /^a=(sendonly|recvonly|sendrecv|inactive)\s*$/m.exec(section)?.[1] ?? "sendrecv";
    if (mid !== undefined) found.set(mid, direction);
  }
  return found;
}
