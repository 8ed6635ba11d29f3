/** How loud a microphone is, many times a second. No DOM. */

const FLOOR_DB = -60;

export class LevelMeter {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #samples = new Float32Array(1024);

  /** Listen to this track from now on. @param {MediaStreamTrack | null} track */
  listenTo(track) {
    if (track === this.#track) return;
    this.#source?.disconnect();
    this.#source = null;
    this.#track = track;
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  /** @returns {number} 0 (silence) … 1 (full scale), on a logarithmic scale as ears have it */
  read() {
    if (!this.#source || !this.#analyser) return 0;
    if (this.#context?.state === "suspended") void this.#context.resume(); // allowed once the person has clicked
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let square = 0;
    for (const sample of this.#samples) square += sample * sample;
    const db = 10 * Math.log10(square / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
  }

  close() {
    this.listenTo(null);
    void this.#context?.close();
    this.#context = null;
    this.#analyser = null;
  }
}

/** A short, soft chime, to try a loudspeaker with. @param {string | null} speaker  device id */
export async function chime(speaker) {
  const context = new AudioContext();
  const destination = context.createMediaStreamDestination();
  const end = context.currentTime + 1.2;
  [523.25, 659.25, 783.99].forEach((frequency, index) => {
    const start = context.currentTime + index * 0.18;
    const tone = new OscillatorNode(context, { frequency });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.linearRampToValueAtTime(0.2, start + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0005, end);
    tone.connect(volume).connect(destination);
    tone.start(start);
    tone.stop(end);
  });
  const player = new Audio();
  player.srcObject = destination.stream;
  if (speaker && "setSinkId" in player) await player.setSinkId(speaker).catch(() => {});
  await player.play().catch(() => {});
  setTimeout(() => void context.close(), 1_500);
}
