/** Who is in the room and what they publish: the joined state, kept up to date by events. Pure: no socket, no media. */

import { afterConsent, afterRecording, recordingOf } from "./recording.js";

/** @typedef {import("./types.js").Joined} Joined */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").ParticipantInfo} ParticipantInfo */
/** @typedef {import("./types.js").Rating} Rating */
/** @typedef {Omit<import("./types.js").RoomInfo, "recording"> & {recording: import("./recording.js").Recording}} RoomInfo */
/** @typedef {import("./types.js").TrackInfo} TrackInfo */

export class Participant {
  /** @param {ParticipantInfo} info */
  constructor(info) {
    this.id = info.id;
    this.role = info.role;
    this.name = info.name ?? "";
    this.admitted = info.admitted ?? true;
    /** What it may ask for ("record", "admit" …); told of oneself only. */
    this.grants = info.grants ?? [];
    /** @type {Map<string, TrackInfo>} */
    this.tracks = new Map();
    /** Camera and microphone of this participant, as received. */
    this.stream = new MediaStream();
    /** Its shared screen, as received. */
    this.screen = new MediaStream();
    /** @type {{uplink: Rating, downlink: Rating} | null} */
    this.quality = null;
    /** Loudness of the latest `speakers` event in dBov (-127 silent … 0), null when not among the speakers. */
    this.level = /** @type {number | null} */ (null);
    /** Ids of tracks that are published and unmuted, but from which nothing arrives. @type {Set<string>} */
    this.silent = new Set();
    this.hold(info.tracks ?? []);
  }

  /** These are its tracks now. @param {TrackInfo[]} tracks */
  hold(tracks) {
    this.tracks = new Map(tracks.map((track) => [track.id, { ...track }]));
    this.silent = new Set(tracks.filter(({ silent }) => silent).map(({ id }) => id));
  }

  /** @param {string} trackId */
  release(trackId) {
    this.tracks.delete(trackId);
    this.silent.delete(trackId);
  }

  /** @param {import("./types.js").Source} source @returns {TrackInfo | undefined} */
  track(source) {
    return [...this.tracks.values()].find((track) => track.source === source);
  }
}

export class Room {
  /** Whoever is known from elsewhere keeps its streams. @type {(id: string) => Participant | undefined} */
  #knownElsewhere;

  /**
   * @param {Joined} joined
   * @param {(id: string) => Participant | undefined} [knownElsewhere]  somebody in the same room on another node
   */
  constructor(joined, knownElsewhere = () => undefined) {
    this.#knownElsewhere = knownElsewhere;
    this.self = new Participant(joined.participant);
    /** @type {RoomInfo} */
    this.info = { ...joined.room, recording: recordingOf(joined.room.recording) };
    /** Where this room's node takes media, `address:port`. */
    this.mediaAddresses = joined.media_addresses ?? [];
    /** The others, by id. @type {Map<string, Participant>} */
    this.others = new Map();
    /** @type {{position: number, estimated_wait_s: number | null} | null} */
    this.queue = null;
    this.refresh(joined);
  }

  /** Take over a newer joined state (after a resume), keeping streams of those who are still there. @param {Joined} joined */
  refresh(joined) {
    this.info = { ...joined.room, recording: recordingOf(joined.room.recording, this.info.recording) };
    this.mediaAddresses = joined.media_addresses ?? [];
    const present = new Set();
    for (const info of joined.participants) {
      present.add(info.id);
      if (info.id === this.self.id) {
        this.self.admitted = info.admitted ?? this.self.admitted;
        this.self.hold(info.tracks ?? []);
      } else {
        this.#upsert(info);
      }
    }
    for (const id of this.others.keys()) if (!present.has(id)) this.others.delete(id);
  }

  /** @param {ParticipantInfo} info */
  #upsert(info) {
    const known = this.others.get(info.id) ?? this.#knownElsewhere(info.id);
    const fresh = new Participant(info);
    if (known) {
      fresh.stream = known.stream;
      fresh.screen = known.screen;
      fresh.quality = known.quality;
    }
    this.others.set(info.id, fresh);
  }

  /** @param {string} id @returns {Participant | undefined} */
  participant(id) {
    return id === this.self.id ? this.self : this.others.get(id);
  }

  /** @param {string} trackId @returns {{participant: Participant, track: TrackInfo} | undefined} */
  find(trackId) {
    for (const participant of [this.self, ...this.others.values()]) {
      const track = participant.tracks.get(trackId);
      if (track) return { participant, track };
    }
    return undefined;
  }

  /** Every track of the others: what a client that wants everything subscribes to. @returns {TrackInfo[]} */
  get offeredTracks() {
    return [...this.others.values()].flatMap((participant) => [...participant.tracks.values()]);
  }

  /**
   * Apply one server event. Applying one twice, or one about somebody who has left, changes nothing.
   * @param {Message} event
   */
  apply(event) {
    switch (event.type) {
      case "participant-joined":
        if (event.participant.id !== this.self.id) this.#upsert(event.participant);
        break;
      case "knocking":
        if (event.participant.id !== this.self.id) this.#upsert({ ...event.participant, admitted: false });
        break;
      case "participant-left":
        this.others.delete(event.id);
        break;
      case "participant-admitted": {
        const participant = this.participant(event.id);
        if (participant) participant.admitted = true;
        break;
      }
      case "track-published":
        this.participant(event.track.participant)?.tracks.set(event.track.id, { ...event.track });
        break;
      case "track-unpublished":
        this.find(event.id)?.participant.release(event.id);
        break;
      case "track-muted":
        this.muted(event.id, event.muted);
        break;
      case "track-silent": // without the field it fell silent; false says that something arrives again
        this.find(event.id)?.participant.silent[event.silent === false ? "delete" : "add"](event.id);
        break;
      case "speakers":
        this.#speakers(event);
        break;
      case "quality": {
        const participant = this.participant(event.participant);
        if (participant) participant.quality = { uplink: event.uplink, downlink: event.downlink };
        break;
      }
      case "queue":
        this.queue = { position: event.position, estimated_wait_s: event.estimated_wait_s ?? null };
        break;
      case "room-opened":
        this.info = { ...this.info, state: "open" };
        break;
      case "room-ended":
        this.info = { ...this.info, state: "ended" };
        break;
      case "recording":
        this.info = { ...this.info, recording: afterRecording(this.info.recording, event) };
        break;
      case "consent":
        this.info = { ...this.info, recording: afterConsent(this.info.recording, { participant: this.self.id, ...event }) };
        break;
    }
  }

  /**
   * One's own track, as accepted: the server announces it to the others only.
   * @param {Omit<TrackInfo, "participant">} track
   */
  published(track) {
    this.self.tracks.set(track.id, { ...track, participant: this.self.id });
  }

  /** @param {string} trackId @param {boolean} muted */
  muted(trackId, muted) {
    const found = this.find(trackId);
    if (!found) return;
    found.track.muted = muted;
    found.participant.silent.delete(trackId);
  }

  /** @param {Message} event  `speakers`: the list of those heard now */
  #speakers(event) {
    /** @type {{participant: string, level_dbov: number}[]} */
    const heard = event.speakers ?? event.levels ?? [];
    const levels = new Map(heard.map(({ participant, level_dbov }) => [participant, level_dbov]));
    for (const participant of [this.self, ...this.others.values()]) {
      participant.level = levels.get(participant.id) ?? null;
      if (participant.level === null) continue;
      const microphone = participant.track("microphone");
      if (microphone) participant.silent.delete(microphone.id); // whoever is heard is not silent
    }
  }
}
