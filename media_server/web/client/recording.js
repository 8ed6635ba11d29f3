/** Whether the room is recorded and who agreed to it: the joined state's view, moved on by events. Pure. */

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").RecordingView} RecordingView */

/**
 * @typedef {object} Recording
 * @property {import("./types.js").RecordingState} state
 * @property {number | null} since    Unix seconds, while it is on
 * @property {string | null} by       id of who asked for it
 * @property {string[]} granted       ids of those who agree as things stand
 * @property {string[]} declined      ids of those who refused or withdrew since it was last asked for, the latest last
 * @property {boolean} available      whether this room can be recorded at all
 * @property {string | null} reason   why it came to this state; while it is on: what is wrong with it
 */

/**
 * The view as a newer joined state tells it; what that leaves out stays as it was known.
 * @param {RecordingView | undefined} view
 * @param {Recording | null} [known]
 * @returns {Recording}
 */
export function recordingOf(view, known = null) {
  const state = view?.state ?? "off";
  return {
    state,
    since: view?.since ?? null,
    by: view?.by ?? null,
    granted: [...(view?.granted ?? [])],
    declined: known?.declined ?? [],
    available: view?.available ?? false,
    reason: known?.state === state ? known.reason : null,
  };
}

/** @param {Recording} recording @param {Message} event  `recording` @returns {Recording} */
export function afterRecording(recording, event) {
  const { state } = event;
  const over = state === "off";
  const asked = state === "starting" && recording.state !== "starting";
  return {
    ...recording,
    state,
    since: over ? null : (event.since ?? recording.since),
    by: over ? null : (event.by ?? recording.by),
    declined: asked ? [] : recording.declined,
    // What stopped it is told when it begins to stop; being off does not undo that.
    reason: event.reason ?? (over && recording.state === "stopping" ? recording.reason : null),
  };
}

/** @param {Recording} recording @param {Message} event  `consent`, of whom it is included @returns {Recording} */
export function afterConsent(recording, { kind, state, participant }) {
  if (kind !== "recording" || state === "requested") return recording;
  const granted = recording.granted.filter((id) => id !== participant);
  const declined = recording.declined.filter((id) => id !== participant);
  if (state === "granted") granted.push(participant);
  else if (state !== "expired") declined.push(participant);
  return { ...recording, granted, declined };
}
