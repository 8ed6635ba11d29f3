/**
 * The shapes that cross the wire (signalling/PROTOCOL.md), as types only: nothing here runs.
 *
 * @typedef {"patient" | "doctor" | "guest"} Role
 * @typedef {"camera" | "microphone" | "screen"} Source
 * @typedef {"audio" | "video"} Kind
 * @typedef {"good" | "fair" | "poor" | "lost"} Rating
 *
 * @typedef {object} TrackInfo       A published track, as the room describes it.
 * @property {string} id
 * @property {string} participant    id of its publisher
 * @property {Kind} kind
 * @property {Source} source
 * @property {boolean} muted
 * @property {"none" | "sframe"} [encryption]
 * @property {string} [codec]
 * @property {boolean} [silent]      published and unmuted, but nothing arrives
 *
 * @typedef {object} ParticipantInfo
 * @property {string} id
 * @property {Role} role
 * @property {string} [name]
 * @property {boolean} [admitted]
 * @property {string[]} [grants]
 * @property {TrackInfo[]} [tracks]
 *
 * @typedef {object} RoomInfo
 * @property {string} id
 * @property {"waiting" | "open" | "ended"} state
 * @property {"transport" | "end-to-end"} [encryption]
 * @property {RecordingView} [recording]
 * @property {unknown} [policy]
 *
 * @typedef {"off" | "starting" | "on" | "stopping"} RecordingState   `starting` while people are asked, too
 * @typedef {"granted" | "refused" | "withdrawn"} ConsentAnswer
 *
 * @typedef {object} RecordingView   How the joined state tells of the recording.
 * @property {RecordingState} state
 * @property {number | null} [since] Unix seconds, while it is on
 * @property {string | null} [by]    who asked for it
 * @property {string[]} [granted]    who has agreed
 * @property {boolean} [available]   whether this room can be recorded at all
 *
 * @typedef {object} Joined          What `join` and `resume` answer.
 * @property {string} session
 * @property {string} resume_token
 * @property {number} resume_window_s
 * @property {number} ping_interval_s
 * @property {ParticipantInfo} participant
 * @property {RoomInfo} room
 * @property {ParticipantInfo[]} participants
 * @property {RTCIceServer[]} [ice_servers]
 * @property {string[]} [media_addresses]   where this node takes media
 *
 * @typedef {{type: string, seq?: number} & Record<string, any>} Message
 *
 * @typedef {{publish: {source: Source, muted: boolean, encryption: "none" | "sframe"}} | {subscribe: string}} Wish
 *
 * @typedef {object} Ticket          What a ticket callback returns.
 * @property {string} ticket
 * @property {string} url            of the node's signalling; http(s), ws(s) or relative to the page
 *
 * @typedef {object} PublishOptions
 * @property {boolean} [muted]       start muted (default false)
 * @property {RTCRtpEncodingParameters[]} [encodings]  layers to send; default one, limited to `maxBitrate`
 * @property {number} [maxBitrate]   bit/s for the single default layer
 * @property {string} [contentHint]  MediaStreamTrack.contentHint: "motion", "detail", "speech" …
 * @property {string} [codec]        preferred codec: "vp8", "h264", "vp9", "av1", "opus"
 * @property {RTCDegradationPreference} [degradationPreference]
 *
 * @typedef {object} LinkStats       One direction of the media path over one interval.
 * @property {number | null} rtt_ms
 * @property {number | null} loss    share of packets, 0..1
 * @property {number | null} jitter_ms
 * @property {number} bitrate_bps
 * @property {number} freezes        of the interval
 *
 * @typedef {object} StatsSummary
 * @property {LinkStats} uplink
 * @property {LinkStats} downlink
 * @property {Rating} rating         our own verdict on this end's connection
 * @property {"udp" | "tcp" | null} protocol
 * @property {{width: number, height: number, fps: number} | null} sent       largest video being sent
 * @property {{width: number, height: number, fps: number} | null} received   largest video being received
 */

export {};
