/**
 * A camera and a microphone that flash and beep in the same instant, twice in three seconds: installed before a page's
 * own scripts, in place of the real devices.
 */
(() => {
  const EVERY_MS = 1500;
  const LASTS_MS = 200;
  navigator.mediaDevices.getUserMedia = async ({ video, audio }) => {
    const tracks = [];
    if (video) tracks.push(await flashing());
    if (audio) tracks.push(await beeping());
    return new MediaStream(tracks);
  };

  /** Whether there is flash and beep at a time of `performance.now()`. @param {number} now */
  const on = (now) => now % EVERY_MS < LASTS_MS;

  async function flashing() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const context = canvas.getContext("2d");
    const draw = () => {
      const now = performance.now();
      context.fillStyle = on(now) ? "white" : "black";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = `hsl(${now / 20}, 80%, 40%)`; // something that moves, so that frames are sent
      context.fillRect((now / 10) % canvas.width, 160, 20, 20);
    };
    draw();
    setInterval(draw, 33);
    return canvas.captureStream(30).getVideoTracks()[0];
  }

  async function beeping() {
    const context = new AudioContext({ latencyHint: "interactive" });
    await context.resume();
    const tone = new OscillatorNode(context, { frequency: 1000 });
    const gate = new GainNode(context, { gain: 0 });
    const out = new MediaStreamAudioDestinationNode(context);
    tone.connect(gate).connect(out);
    tone.start();
    let scheduled = 0;
    const schedule = () => {
      // What `performance.now()` is when a sample of the context's time is made.
      const offset = performance.now() / 1000 - context.currentTime;
      const next = Math.ceil((performance.now() + 50) / EVERY_MS) * EVERY_MS;
      if (next === scheduled) return;
      scheduled = next;
      gate.gain.setValueAtTime(0.8, next / 1000 - offset);
      gate.gain.setValueAtTime(0, (next + LASTS_MS) / 1000 - offset);
    };
    setInterval(schedule, 100);
    return out.stream.getAudioTracks()[0];
  }
})();
