/** From RTCStatsReports to a few figures people and servers understand. Pure: two reports in, one summary out. */

/** @typedef {import("./types.js").LinkStats} LinkStats */
/** @typedef {import("./types.js").Rating} Rating */
/** @typedef {import("./types.js").StatsSummary} StatsSummary */
/** @typedef {{width: number, height: number, fps: number}} Picture */

/**
 * Counters and gauges of one report.
 * @typedef {object} Totals
 * @property {number} at            ms
 * @property {number} bytesSent
 * @property {number} bytesReceived
 * @property {number} packetsReceived
 * @property {number} packetsLost
 * @property {number} freezes
 * @property {number | null} rttMs          of the selected candidate pair
 * @property {number | null} jitterMs       worst of what is received
 * @property {number | null} remoteJitterMs worst of what the server receives from us
 * @property {number | null} remoteLoss     worst share lost of what we send, as the server reports it
 * @property {"udp" | "tcp" | null} protocol
 * @property {Picture | null} sent
 * @property {Picture | null} received
 */

/**
 * @param {RTCStatsReport} report
 * @param {number} at  time of the report, ms
 * @returns {Totals}
 */
export function totals(report, at) {
  /** @type {Totals} */
  const sum = {
    at, bytesSent: 0, bytesReceived: 0, packetsReceived: 0, packetsLost: 0, freezes: 0,
    rttMs: null, jitterMs: null, remoteJitterMs: null, remoteLoss: null, protocol: null, sent: null, received: null,
  };
  report.forEach((/** @type {any} */ entry) => {
    if (entry.type === "inbound-rtp") {
      sum.bytesReceived += entry.bytesReceived ?? 0;
      sum.packetsReceived += entry.packetsReceived ?? 0;
      sum.packetsLost += Math.max(0, entry.packetsLost ?? 0);
      sum.freezes += entry.freezeCount ?? 0;
      sum.jitterMs = worst(sum.jitterMs, entry.jitter, 1000);
      sum.received = larger(sum.received, entry);
    } else if (entry.type === "outbound-rtp") {
      sum.bytesSent += entry.bytesSent ?? 0;
      sum.sent = larger(sum.sent, entry);
    } else if (entry.type === "remote-inbound-rtp") {
      sum.remoteJitterMs = worst(sum.remoteJitterMs, entry.jitter, 1000);
      sum.remoteLoss = worst(sum.remoteLoss, entry.fractionLost, 1);
    } else if (entry.type === "transport" && entry.selectedCandidatePairId) {
      const pair = /** @type {any} */ (report.get(entry.selectedCandidatePairId));
      sum.rttMs = worst(sum.rttMs, pair?.currentRoundTripTime, 1000);
      sum.protocol = /** @type {any} */ (report.get(pair?.localCandidateId))?.protocol ?? null;
    }
  });
  return sum;
}

/**
 * What happened between two reports.
 * @param {Totals} before
 * @param {Totals} after
 * @returns {StatsSummary}
 */
export function summarise(before, after) {
  const seconds = Math.max(0.001, (after.at - before.at) / 1000);
  const received = grown(before.packetsReceived, after.packetsReceived);
  const lost = grown(before.packetsLost, after.packetsLost);
  /** @type {LinkStats} */
  const uplink = {
    rtt_ms: after.rttMs,
    loss: after.remoteLoss,
    jitter_ms: after.remoteJitterMs,
    bitrate_bps: Math.round((grown(before.bytesSent, after.bytesSent) * 8) / seconds),
    freezes: 0, // a sender cannot see them
  };
  /** @type {LinkStats} */
  const downlink = {
    rtt_ms: after.rttMs,
    loss: received + lost > 0 ? lost / (received + lost) : null,
    jitter_ms: after.jitterMs,
    bitrate_bps: Math.round((grown(before.bytesReceived, after.bytesReceived) * 8) / seconds),
    freezes: grown(before.freezes, after.freezes),
  };
  const rating = worse(rate(uplink), rate(downlink));
  return { uplink, downlink, rating, protocol: after.protocol, sent: after.sent, received: after.received };
}

const ORDER = /** @type {const} */ (["good", "fair", "poor", "lost"]);

/**
 * A person's impression of one direction: conversation suffers beyond 300 ms round trip (ITU-T G.114 allows 150 ms one
 * way), repair hides about 3 % loss, 10 % is felt by anybody.
 * @param {LinkStats} link
 * @returns {Rating}
 */
export function rate(link) {
  const loss = link.loss ?? 0;
  const rtt = link.rtt_ms ?? 0;
  const jitter = link.jitter_ms ?? 0;
  if (loss > 0.1 || rtt > 600 || jitter > 120 || link.freezes > 2) return "poor";
  if (loss > 0.03 || rtt > 300 || jitter > 50 || link.freezes > 0) return "fair";
  return "good";
}

/** @param {Rating} one @param {Rating} other @returns {Rating} */
export function worse(one, other) {
  return ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other;
}

/** Counters restart when an m-section is recycled; that is no negative traffic. @param {number} a @param {number} b */
function grown(a, b) {
  return Math.max(0, b - a);
}

/** @param {number | null} soFar @param {number | undefined} value @param {number} scale @returns {number | null} */
function worst(soFar, value, scale) {
  if (value === undefined) return soFar;
  return Math.max(soFar ?? 0, Math.round(value * scale * 1000) / 1000);
}

/** @param {Picture | null} soFar @param {any} entry @returns {Picture | null} */
function larger(soFar, entry) {
  if (!entry.frameWidth || (soFar && soFar.width >= entry.frameWidth)) return soFar;
  return { width: entry.frameWidth, height: entry.frameHeight, fps: Math.round(entry.framesPerSecond ?? 0) };
}
