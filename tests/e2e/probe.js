// Watches a call from outside: installed before any script of the page, it needs nothing from that page.
// All times are milliseconds since the epoch, so that those of two pages and of the test compare.
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const probe = { connections: [], answers: [], media: [], frames: [], samples: [], timer: undefined, camera: null };
  Object.defineProperty(window, "__probe", { value: probe });

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor(...args) {
      super(...args);
      probe.connections.push(this);
    }
    async setRemoteDescription(...args) {
      const answer = { received: now(), applied: 0 };
      probe.answers.push(answer);
      await super.setRemoteDescription(...args);
      answer.applied = now();
    }
  };

  const devices = window.MediaDevices?.prototype;
  if (devices) {
    const ask = devices.getUserMedia;
    devices.getUserMedia = async function (wanted) {
      const asked = now();
      const video = wanted?.video && probe.camera ? { ...(wanted.video === true ? {} : wanted.video), ...probe.camera } : wanted?.video;
      const stream = await ask.call(this, { ...wanted, video });
      probe.media.push({ asked, granted: now(), kinds: stream.getTracks().map((track) => track.kind) });
      return stream;
    };
  }

  // Painted frames of every video element that ever plays a stream, the page's own preview included.
  const watched = new WeakSet();
  const watch = (video) => {
    if (watched.has(video)) return;
    watched.add(video);
    const seen = (_, frame) => {
      const track = video.srcObject?.getVideoTracks?.()[0]?.id ?? "";
      const remote = probe.connections.some((pc) => pc.getReceivers().some((r) => r.track?.id === track));
      probe.frames.push({ at: now(), track, remote, width: frame.width, height: frame.height });
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  };
  const source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...source,
    set(stream) {
      source.set.call(this, stream);
      if (this instanceof HTMLVideoElement && stream) watch(this);
    },
  });

  const pick = (entry, names) => Object.fromEntries(names.map((name) => [name, entry[name] ?? null]));
  const INBOUND = [
    "kind", "mid", "trackIdentifier", "packetsReceived", "packetsLost", "framesDecoded", "framesPerSecond",
    "freezeCount", "totalFreezesDuration", "audioLevel", "totalAudioEnergy", "nackCount", "pliCount",
    "retransmittedPacketsReceived", "jitterBufferDelay", "jitterBufferEmittedCount", "concealedSamples",
  ];
  const OUTBOUND = [
    "kind", "mid", "packetsSent", "bytesSent", "targetBitrate", "framesEncoded", "framesPerSecond", "frameHeight",
    "qualityLimitationReason", "nackCount", "pliCount", "active",
  ];

  // One look at the connection in use: the newest that is not closed.
  probe.look = async () => {
    const pc = probe.connections.findLast((c) => c.connectionState !== "closed");
    if (!pc) return null;
    const sample = { at: now(), state: pc.connectionState, inbound: [], outbound: [], available: null, rtt: null };
    const report = await pc.getStats();
    for (const entry of report.values()) {
      if (entry.type === "inbound-rtp" || entry.type === "outbound-rtp") {
        const codec = report.get(entry.codecId)?.mimeType ?? "";
        const names = entry.type === "inbound-rtp" ? INBOUND : OUTBOUND;
        sample[entry.type === "inbound-rtp" ? "inbound" : "outbound"].push({ codec, ...pick(entry, names) });
      } else if (entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded") {
        sample.available = Math.max(sample.available ?? 0, entry.availableOutgoingBitrate ?? 0) || null;
        sample.rtt = entry.currentRoundTripTime ?? null;
      }
    }
    return sample;
  };
  probe.start = (intervalMs) => {
    clearInterval(probe.timer);
    probe.timer = setInterval(async () => {
      const sample = await probe.look();
      if (sample) probe.samples.push(sample);
    }, intervalMs);
  };
  probe.ufrag = () => {
    const pc = probe.connections.findLast((c) => c.connectionState !== "closed");
    return /a=ice-ufrag:(\S+)/.exec(pc?.localDescription?.sdp ?? "")?.[1] ?? null;
  };
})();
