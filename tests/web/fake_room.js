// A whole room inside the page under test: a WebSocket that answers as the server would, and a peer connection that
// takes the client's offers. Installed before any script of the page; `window.fakeRoom` steers it.
(() => {
  const NativePeer = window.RTCPeerConnection;
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // A person who can be seen and heard without a camera: drawn, and humming.
  const portrait = (hue, shirt, hair) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    const paint = canvas.getContext("2d");
    const blob = (colour, x, y, rx, ry) => {
      paint.fillStyle = colour;
      paint.beginPath();
      paint.ellipse(x, y, rx, ry, 0, 0, 7);
      paint.fill();
    };
    const draw = () => {
      const sway = Math.sin(performance.now() / 900) * 8;
      const wall = paint.createLinearGradient(0, 0, 1280, 720);
      wall.addColorStop(0, `hsl(${hue} 22% 74%)`);
      wall.addColorStop(1, `hsl(${hue} 20% 55%)`);
      paint.fillStyle = wall;
      paint.fillRect(0, 0, 1280, 720);
      paint.fillStyle = `hsl(${hue} 18% 84%)`;
      paint.fillRect(90, 70, 220, 300);
      paint.fillStyle = `hsl(${hue} 18% 48%)`;
      paint.fillRect(1010, 120, 190, 26);
      paint.fillRect(1010, 300, 190, 26);
      blob(shirt, 640 + sway, 800, 360, 300);
      blob("#c98f6b", 640 + sway, 520, 74, 90);
      blob(hair, 640 + sway, 290, 176, 190);
      blob("#e0aa86", 640 + sway, 340, 150, 186);
      blob("#31251d", 586 + sway, 322, 11, 14);
      blob("#31251d", 694 + sway, 322, 11, 14);
      paint.strokeStyle = "#a4553f";
      paint.lineWidth = 8;
      paint.beginPath();
      paint.arc(640 + sway, 398, 52, 0.35, Math.PI - 0.35);
      paint.stroke();
    };
    draw();
    setInterval(draw, 50);
    return canvas.captureStream(20).getVideoTracks()[0];
  };
  const slide = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1600, height: 900 });
    const paint = canvas.getContext("2d");
    const draw = () => {
      paint.fillStyle = "#fff";
      paint.fillRect(0, 0, 1600, 900);
      paint.fillStyle = "#12343b";
      paint.font = "600 64px sans-serif";
      paint.fillText("Blood pressure, last 30 days", 90, 140);
      paint.fillStyle = "#0b6b6b";
      for (let i = 0; i < 30; i++) {
        const height = 240 + 120 * Math.sin(i / 3) + (i % 4) * 20;
        paint.fillRect(90 + i * 47, 800 - height, 30, height);
      }
    };
    draw();
    setInterval(draw, 200);
    return canvas.captureStream(5).getVideoTracks()[0];
  };
  const hum = () => {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, { frequency: 180 });
    tone.connect(new GainNode(context, { gain: 0.05 })).connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0];
  };

  // The media end: one for each of the client's connections.
  class Plane {
    pc = new NativePeer();
    senders = new Map();
    fingerprint;
    constructor(fingerprint) {
      this.fingerprint = fingerprint;
    }
    async answer(sdp, tracks) {
      await this.pc.setRemoteDescription({ type: "offer", sdp });
      const named = {};
      for (const transceiver of this.pc.getTransceivers()) {
        const wish = tracks[transceiver.mid];
        if (wish?.subscribe) {
          const media = fakeRoom.media.get(wish.subscribe.split("@")[0]);
          if (!media) throw new Error("unknown-track");
          transceiver.direction = "sendonly";
          this.senders.set(wish.subscribe, transceiver.sender);
          if (!fakeRoom.withheld.has(wish.subscribe)) await transceiver.sender.replaceTrack(media);
          named[transceiver.mid] = wish.subscribe;
        } else if (wish?.publish) {
          transceiver.direction = "recvonly";
          named[transceiver.mid] = `own-${wish.publish.source}`;
        } else {
          transceiver.direction = "inactive";
        }
      }
      await this.pc.setLocalDescription(await this.pc.createAnswer());
      while (this.pc.iceGatheringState !== "complete") await sleep(5);
      const { sdp: answer } = this.pc.localDescription;
      return { sdp: fakeRoom.walled ? answer.replace(/ \d+ typ host/g, " 9 typ host") : answer, tracks: named };
    }
  }

  class FakeSocket extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    readyState = 0;
    onopen = null;
    onclose = null;
    onmessage = null;
    onerror = null;
    constructor(url, protocols) {
      super();
      this.url = url;
      this.protocol = [protocols].flat()[0] ?? "";
      this.host = new URL(url, location.href).host;
      fakeRoom.sockets.push(this);
      setTimeout(() => {
        if (fakeRoom.refuseConnections || fakeRoom.dead.has(this.host)) return this.end(1006);
        this.readyState = 1;
        this.onopen?.({});
      }, 1);
    }
    send(text) {
      const message = JSON.parse(text);
      fakeRoom.received.push(message);
      Object.defineProperty(message, "host", { value: this.host }); // ours: no field of the message
      if (fakeRoom.deaf) return;
      setTimeout(() => void this.answer(message), fakeRoom.delayMs);
    }
    async answer(message) {
      const { id, type } = message;
      const scripted = fakeRoom.replies[type]?.shift();
      if (scripted) {
        if (scripted.close) return this.end(scripted.close);
        return this.deliver({ type: "error", id, message: "", ...scripted });
      }
      if (type === "join" || type === "resume") {
        if (this.readyState !== 1) return;
        fakeRoom.inside.add(this);
        fakeRoom.current = this;
        this.deliver({ type: "ok", id, ...fakeRoom.joined(this.host) });
        for (const event of fakeRoom.log.filter(({ seq }) => type === "resume" && seq > message.last_seq)) this.deliver(event);
        return;
      }
      if (type === "offer") return this.offer(message);
      if (type === "leave") {
        fakeRoom.inside.delete(this);
        this.deliver({ type: "ok", id });
        return this.end(1000);
      }
      if (type === "recording") {
        if (message.action === "start") fakeRoom.ask(fakeRoom.self.id);
        else fakeRoom.stop();
        return this.deliver({ type: "ok", id, recording: fakeRoom.room.recording.state });
      }
      this.deliver({ type: "ok", id });
      if (type === "consent") fakeRoom.consent(fakeRoom.self.id, message.state);
      if (type === "admit") fakeRoom.admit(message.participant);
      if (type === "remove") fakeRoom.leave(message.participant);
      if (type === "end") fakeRoom.end();
    }
    async offer({ id, sdp, tracks }) {
      const fingerprint = /a=fingerprint:(.*)/.exec(sdp)?.[1];
      let plane = fakeRoom.planes.find((known) => known.fingerprint === fingerprint);
      if (!plane) fakeRoom.planes.push((plane = new Plane(fingerprint)));
      try {
        this.deliver({ type: "ok", id, ...(await plane.answer(sdp, tracks)) });
      } catch (error) {
        this.deliver({ type: "error", id, code: error.message, message: "" });
      }
    }
    deliver(message) {
      if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(message) });
    }
    end(code) {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.onclose?.({ code });
    }
    close(code = 1000) {
      this.end(code);
    }
  }

  const fakeRoom = {
    sockets: [], inside: new Set(), received: [], planes: [], log: [], media: new Map(), others: new Map(), replies: {},
    dead: new Set(), withheld: new Set(), late: new Set(), refuseConnections: false, deaf: false, walled: false, delayMs: 1, current: null, seq: 0, tickets: 0, ticketStatus: 200,
    self: { id: "me", role: "patient", name: "", admitted: true, grants: [] },
    room: { id: "demo", state: "open", encryption: "transport", recording: { state: "off", since: null, by: null, granted: [], available: false }, policy: "belgium" },
    joined(host) {
      const others = [...fakeRoom.others.values()].filter(({ id }) => host === location.host || !fakeRoom.late.has(id));
      return {
        session: "s", resume_token: "r", resume_window_s: fakeRoom.windowS ?? 30, ping_interval_s: 10, participant: fakeRoom.self,
        room: fakeRoom.room, participants: [fakeRoom.self, ...others.map((other) => fakeRoom.seenAt(host, other))], ice_servers: [],
      };
    },
    // Every node gives tracks ids of its own: elsewhere than at home they end in "@host".
    seenAt(host, { tracks, ...participant }) {
      const at = host === location.host ? "" : `@${host}`;
      return { ...participant, tracks: tracks.map((track) => ({ ...track, id: `${track.id}${at}` })) };
    },
    tell(event, socket = fakeRoom.current) {
      const numbered = { seq: ++fakeRoom.seq, ...event };
      fakeRoom.log.push(numbered);
      socket?.deliver(numbered);
    },
    // Somebody in `late` comes to that node after all.
    arrive(id, socket) {
      fakeRoom.late.delete(id);
      fakeRoom.tell({ type: "participant-joined", participant: fakeRoom.seenAt(socket.host, fakeRoom.others.get(id)) }, socket);
    },
    // What was in `withheld` begins to flow.
    async release(id) {
      fakeRoom.withheld.delete(id);
      const media = fakeRoom.media.get(id.split("@")[0]);
      for (const { senders } of fakeRoom.planes) await senders.get(id)?.replaceTrack(media);
    },
    // Somebody comes; `look` is [hue, shirt, hair], or null for somebody without a camera.
    enter(id, role, name, { look = [190, "#f2f5f4", "#4a3524"], admitted = true } = {}) {
      const tracks = [];
      if (admitted) {
        fakeRoom.media.set(`${id}-mic`, hum());
        tracks.push({ id: `${id}-mic`, participant: id, kind: "audio", source: "microphone", muted: false, encryption: "none", codec: "opus" });
        if (look) {
          fakeRoom.media.set(`${id}-cam`, portrait(...look));
          tracks.push({ id: `${id}-cam`, participant: id, kind: "video", source: "camera", muted: false, encryption: "none", codec: "vp8" });
        }
      }
      const participant = { id, role, name, admitted, tracks };
      fakeRoom.others.set(id, participant);
      if (fakeRoom.current) fakeRoom.tell({ type: admitted ? "participant-joined" : "knocking", participant });
    },
    share(id) {
      fakeRoom.media.set(`${id}-screen`, slide());
      const track = { id: `${id}-screen`, participant: id, kind: "video", source: "screen", muted: false, encryption: "none", codec: "vp8" };
      fakeRoom.others.get(id)?.tracks.push(track);
      fakeRoom.tell({ type: "track-published", track });
    },
    admit(id) {
      const participant = id === fakeRoom.self.id ? fakeRoom.self : fakeRoom.others.get(id);
      participant.admitted = true;
      fakeRoom.tell({ type: "participant-admitted", id });
    },
    leave(id) {
      fakeRoom.others.delete(id);
      fakeRoom.tell({ type: "participant-left", id, reason: "left" });
    },
    // Recording: asked for, begun when everybody who is here has agreed, ended by one who does not.
    recordable(grants = []) {
      fakeRoom.room = { ...fakeRoom.room, policy: "consented-recording" };
      fakeRoom.room.recording.available = true;
      fakeRoom.self.grants = grants;
    },
    get unasked() {
      const present = [fakeRoom.self, ...fakeRoom.others.values()].filter(({ admitted }) => admitted);
      return present.map(({ id }) => id).filter((id) => !fakeRoom.room.recording.granted.includes(id));
    },
    recording(state, reason = null, fields = {}) {
      Object.assign(fakeRoom.room.recording, { state, since: null }, fields);
      fakeRoom.tell({ type: "recording", state, reason, ...fields });
    },
    ask(by) {
      fakeRoom.recording("starting", "asked", { by });
      for (const participant of fakeRoom.unasked) fakeRoom.tell({ type: "consent", kind: "recording", state: "requested", participant });
      if (fakeRoom.unasked.length === 0) fakeRoom.recording("on", null, { since: Date.now() / 1000 });
    },
    stop(reason = "stopped") {
      if (fakeRoom.room.recording.state === "on") fakeRoom.recording("stopping", reason);
      fakeRoom.recording("off", reason);
    },
    consent(participant, state) {
      const { recording } = fakeRoom.room;
      recording.granted = [...recording.granted.filter((id) => id !== participant), ...(state === "granted" ? [participant] : [])];
      fakeRoom.tell({ type: "consent", kind: "recording", state, participant });
      if (state !== "granted" && recording.state !== "off") fakeRoom.stop(`consent-${state}`);
      else if (recording.state === "starting" && fakeRoom.unasked.length === 0) fakeRoom.recording("on", null, { since: Date.now() / 1000 });
    },
    end() {
      fakeRoom.tell({ type: "room-ended", reason: "ended" });
      fakeRoom.current?.end(4410);
    },
    // A clock that runs that much faster, for patience that is long.
    hurry(times) {
      const [timeout, now, began] = [window.setTimeout, Date.now, Date.now()];
      window.setTimeout = (act, ms = 0, ...rest) => timeout(act, ms > 30 ? ms / times : ms, ...rest);
      Date.now = () => began + (now() - began) * times;
    },
    requests: (type) => fakeRoom.received.filter((message) => message.type === type),
  };
  Object.assign(window, { fakeRoom, WebSocket: FakeSocket });

  const nativeFetch = window.fetch;
  window.fetch = async (resource, options) => {
    if (!String(resource).includes("/v1/walk-in/ticket")) return nativeFetch(resource, options);
    if (fakeRoom.ticketStatus === null) {
      return new Promise((_, reject) => options.signal.addEventListener("abort", () => reject(options.signal.reason)));
    }
    if (fakeRoom.ticketStatus === 0) throw new TypeError("network");
    fakeRoom.tickets++;
    fakeRoom.asked = JSON.parse(options.body);
    fakeRoom.self = { ...fakeRoom.self, role: fakeRoom.asked.role, name: fakeRoom.asked.name ?? "" };
    const answer = { ticket: `t${fakeRoom.tickets}`, url: fakeRoom.ticketUrl ?? "/v1/signal", expires_in: 60, reentry: "as-before" };
    return new Response(JSON.stringify(answer), { status: fakeRoom.ticketStatus });
  };
})();
