/**
 * Whether sound and picture will get through, as far as that can be measured before a doctor lets one in: the client is
 * joined, so its own connection for messages is measured, and the way to the media port is tried with a connection of its
 * own that asks there for its address (STUN, RFC 8489). What was not tried is said to be unknown. No DOM.
 */

/** @typedef {import("../../client.js").TeleconsultClient} TeleconsultClient */

/**
 * @typedef {object} NetworkFindings
 * @property {boolean} joined                       the client's own connection to the room
 * @property {number | null} service_ms             median answer time of the service
 * @property {"open" | "blocked" | "unknown"} media the way for sound and picture
 * @property {number | null} media_ms
 * @property {"good" | "fair" | "poor"} rating
 */

const SAMPLES = 5;
const PROBE_MS = 4_000;
const MOST_PROBES = 3;
const GOOD_MS = 150;
const FAIR_MS = 400;

/** @param {TeleconsultClient} client @returns {Promise<NetworkFindings>} */
export async function checkNetwork(client) {
  const [service_ms, found] = await Promise.all([answerTime(), tryMedia(client.mediaAddresses)]);
  const joined = client.state === "connected" || client.state === "moving";
  const slowest = Math.max(service_ms ?? Infinity, found.ms ?? 0);
  const bad = !joined || service_ms === null || found.media === "blocked" || slowest > FAIR_MS;
  return { joined, service_ms, media: found.media, media_ms: found.ms, rating: bad ? "poor" : slowest > GOOD_MS ? "fair" : "good" };
}

/** @returns {Promise<number | null>} milliseconds; null when the service does not answer */
async function answerTime() {
  /** @type {number[]} */
  const times = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const begun = performance.now();
    try {
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) });
    } catch {
      continue;
    }
    times.push(performance.now() - begun);
  }
  times.shift(); // the first may have had to open a connection
  return times.length > 0 ? /** @type {number} */ (times.sort((a, b) => a - b)[Math.floor(times.length / 2)]) : null;
}

/**
 * One way is enough: a node has an address for each network it is in.
 * @param {string[]} addresses @returns {Promise<{media: NetworkFindings["media"], ms: number | null}>}
 */
async function tryMedia(addresses) {
  const found = await Promise.all(addresses.slice(0, MOST_PROBES).map(probe));
  const open = found.filter(({ media }) => media === "open").sort((one, other) => (one.ms ?? 0) - (other.ms ?? 0));
  return open[0] ?? found.find(({ media }) => media === "blocked") ?? { media: "unknown", ms: null };
}

/**
 * A port that answers at all, be it with a refusal, can be reached: gathering is over as soon as it has, and goes on for
 * many seconds when it does not. The media port refuses whoever has no business there (RFC 8489 §9.1.3), but it answers.
 * @param {string} address @returns {Promise<{media: NetworkFindings["media"], ms: number | null}>}
 */
async function probe(address) {
  const connection = new RTCPeerConnection({ iceServers: [{ urls: `stun:${address}` }] });
  try {
    connection.createDataChannel("probe");
    const begun = performance.now();
    const answered = new Promise((/** @type {(found: {media: NetworkFindings["media"], ms: number | null}) => void} */ resolve) => {
      connection.addEventListener("icecandidateerror", (event) => {
        // 701 (WebRTC §4.8.2): no answer came; any other number is one.
        if (/** @type {RTCPeerConnectionIceErrorEvent} */ (event).errorCode === 701) resolve({ media: "blocked", ms: null });
      });
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState === "complete") resolve({ media: "open", ms: performance.now() - begun });
      });
      setTimeout(() => resolve({ media: "blocked", ms: null }), PROBE_MS);
    });
    await connection.setLocalDescription();
    return await answered;
  } catch {
    return { media: "unknown", ms: null };
  } finally {
    connection.close();
  }
}
