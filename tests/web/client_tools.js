// For an empty page: `made(options)` is a client whose events are kept in `happened`, `until(condition)` waits for what
// must come, `drawn()` and `hummed()` are tracks to publish. A function for the page under test.
async () => {
  const { TeleconsultClient } = await import("/web/client.js");
  window.happened = [];
  window.tickets = [];
  window.made = (options = {}) => {
    const client = new TeleconsultClient({
      getTicket: async (why) => {
        tickets.push(why);
        return { ticket: `t${tickets.length}`, url: "/v1/signal" };
      },
      statsIntervalMs: 60000, ...options,
    });
    for (const type of ["state", "moved", "track", "track-ended", "problem", "relay", "participant-joined", "participant-left", "stats"]) {
      client.on(type, (detail) => happened.push({ type, ...detail }));
    }
    return (window.client = client);
  };
  window.sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  window.until = async (condition) => {
    const end = performance.now() + 8000;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`never: ${condition}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  window.offers = () => fakeRoom.requests("offer");
  window.all = (type) => happened.filter((event) => event.type === type);
  window.ways = () => client.peerConnection?.getTransceivers().map((t) => t.currentDirection).join();
  window.drawn = () => document.createElement("canvas").captureStream(5).getVideoTracks()[0];
  window.hummed = () => new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
}
