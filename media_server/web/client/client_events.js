/**
 * What the client tells its embedder, as types only. Each is a CustomEvent; the shape is its `detail`.
 *
 * @typedef {import("./room.js").Participant} Participant
 * @typedef {import("./types.js").Message} Message
 * @typedef {"idle" | "connecting" | "connected" | "moving" | "reconnecting" | "ended"} ClientState
 *
 * @typedef {object} TrackDetail
 * @property {Participant | null} participant             null when it has left with its track
 * @property {import("./types.js").TrackInfo} [track]     absent in `track-ended`
 * @property {string} [trackId]                           present in `track-ended`
 * @property {MediaStream} [stream]                       the participant's stream that it is in
 * @property {MediaStreamTrack} media
 *
 * @typedef {object} ClientEventMap
 * @property {{state: ClientState, code: string | null, reason: string | null}} state
 * @property {{state: "connecting" | "connected" | "interrupted"}} media   the path of sound and picture
 * @property {null} change                  anything in room or participants; coalesced, render from the getters
 * @property {TrackDetail} track
 * @property {TrackDetail} track-ended
 * @property {import("./types.js").StatsSummary} stats
 * @property {{code: string, source?: import("./types.js").Source}} problem
 *   something failed that the call survives; `source` when it is a track of ours that the server refuses
 * @property {Message} participant-joined
 * @property {Message} participant-left
 * @property {Message} participant-admitted
 * @property {Message} knocking
 * @property {Message} queue
 * @property {Message} room-opened
 * @property {Message} room-ended
 * @property {Message} track-published
 * @property {Message} track-unpublished
 * @property {Message} track-muted
 * @property {Message} track-silent
 * @property {Message} speakers
 * @property {Message} quality
 * @property {Message} layers-wanted
 * @property {Message & {state: import("./types.js").RecordingState, reason: string | null}} recording
 * @property {Message & {kind: string, state: string, participant?: string}} consent
 * @property {Message & {from: string, kind: string, body: Uint8Array}} relay
 * @property {{url: string}} moved          the call goes on at this node, another than before
 */

export {};
