/** The pictures of the others, one's own, and the calm screen while there is nobody. DOM only. */

import { h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";
import { SelfView } from "./self_view.js";
import { Tile } from "./tile.js";

/** @typedef {import("../client.js").TeleconsultClient} TeleconsultClient */
/** @typedef {import("../client.js").Participant} Participant */
/** @typedef {import("../client/types.js").Rating} Rating */
/** @typedef {import("./local_media.js").LocalMedia} LocalMedia */

const SPEAKING_DBOV = -50;
const ROLE_ICONS = /** @type {const} */ ({ patient: "person", doctor: "doctor", guest: "people" });

/** @param {Participant} participant @returns {string} what to call somebody on screen */
export function nameOf(participant) {
  return participant.name || t(`role.${participant.role}`);
}

export class Stage {
  #client;
  #media;
  #doctor;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #grid = h("div.grid");
  #self = new SelfView();
  #waitTitle = h("h2");
  #waitText = h("p");
  #waitQueue = h("p.queue");
  #wait;
  /** Whether somebody was here before. */
  #met = false;
  element;

  /**
   * @param {TeleconsultClient} client
   * @param {LocalMedia} media
   * @param {boolean} doctor
   */
  constructor(client, media, doctor) {
    this.#client = client;
    this.#media = media;
    this.#doctor = doctor;
    this.#wait = h("div.wait", {}, h("div.breath", {}, icon("door")), this.#waitTitle, this.#waitText, this.#waitQueue);
    this.element = h("div.stage", {}, this.#grid, this.#wait, this.#self.element);
  }

  /** @param {Rating | null} ownRating */
  render(ownRating) {
    const others = this.#client.participants.filter(({ admitted }) => admitted);
    /** @type {Set<string>} */
    const shown = new Set();
    const alone = this.#client.self?.admitted === false; // nobody is shown to somebody who still waits
    for (const participant of alone ? [] : others) {
      shown.add(this.#renderCamera(participant));
      if (participant.track("screen")) shown.add(this.#renderScreen(participant));
    }
    for (const [key, tile] of this.#tiles) {
      if (shown.has(key)) continue;
      tile.close();
      this.#tiles.delete(key);
    }
    this.#grid.dataset.count = String(this.#tiles.size);
    this.#grid.classList.toggle("with-screen", [...shown].some((key) => key.endsWith("screen")));
    this.#met ||= this.#tiles.size > 0;
    this.#wait.hidden = this.#tiles.size > 0;
    if (this.#tiles.size === 0) this.#renderWait();
    this.#self.render(this.#media, ownRating, isSpeaking(this.#client.self));
  }

  close() {
    this.#tiles.forEach((tile) => tile.close());
    this.#self.close();
  }

  /** @param {Participant} participant @returns {string} the tile's key */
  #renderCamera(participant) {
    const camera = participant.track("camera");
    const microphone = participant.track("microphone");
    const rating = participant.quality?.uplink ?? null;
    return this.#renderTile(`${participant.id} camera`, {
      name: nameOf(participant),
      symbol: ROLE_ICONS[participant.role],
      stream: participant.stream,
      picture: camera !== undefined && !camera.muted,
      muted: microphone === undefined || microphone.muted,
      speaking: isSpeaking(participant),
      rating,
      speaker: this.#media.speaker,
      remove: this.#doctor && participant.role === "guest"
        ? () => void this.#client.remove(participant.id).catch(() => {})
        : null,
    });
  }

  /** @param {Participant} participant @returns {string} */
  #renderScreen(participant) {
    return this.#renderTile(`${participant.id} screen`, {
      name: t("call.tile.screen", { name: nameOf(participant) }),
      symbol: "screen",
      stream: participant.screen,
      picture: true,
      muted: false,
      speaking: false,
      rating: null,
      speaker: null,
    });
  }

  /** @param {string} key @param {import("./tile.js").TileView} view @returns {string} */
  #renderTile(key, view) {
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = new Tile();
      tile.element.classList.toggle("screen", key.endsWith("screen"));
      this.#tiles.set(key, tile);
      this.#grid.append(tile.element);
    }
    tile.render(view);
    return key;
  }

  /**
   * A waiting room is spoken of only to those whom the server lets wait.
   * @param {import("../client/types.js").Role} role
   * @returns {[string, string]}
   */
  #waitTexts(role) {
    const knocking = this.#doctor ? this.#client.participants[0] : undefined; // nobody else is here
    if (knocking) return [t("knock.who", { name: nameOf(knocking) }), ""];
    if (this.#met) return [t("alone.again.title"), t("alone.again.lead")];
    if (role === "doctor" || this.#client.self?.admitted === false) return [t(`wait.title.${role}`), t(`wait.lead.${role}`)];
    return [t("alone.title"), t("alone.lead")];
  }

  #renderWait() {
    const role = this.#client.self?.role;
    this.#wait.classList.toggle("connecting", !role);
    if (!role) {
      setText(this.#waitTitle, t("lobby.joining"));
      setText(this.#waitText, "");
      this.#waitQueue.hidden = true;
      return;
    }
    const [title, text] = this.#waitTexts(role);
    setText(this.#waitTitle, title);
    setText(this.#waitText, text);
    const queue = this.#client.queue;
    const minutes = queue?.estimated_wait_s ? t("wait.minutes", { minutes: Math.ceil(queue.estimated_wait_s / 60) }) : "";
    const place = queue && queue.position > 0 ? t("wait.queue", { position: queue.position }) : "";
    setText(this.#waitQueue, [place, minutes].filter(Boolean).join(" · "));
    this.#waitQueue.hidden = place === "";
  }
}

/** @param {Participant | null} participant */
function isSpeaking(participant) {
  return (participant?.level ?? -127) > SPEAKING_DBOV;
}
