/** What of two nodes' news about the same room is news to the embedder. Pure. */

/**
 * Whether an event tells the embedder something. While the room moves two nodes tell of the same people: each of them
 * comes once, and leaves when it is on neither.
 * @param {import("./types.js").Message} event
 * @param {boolean} inUse  whether it comes from the node in use
 * @param {boolean} newer  whether it comes from the node that has the room, now or soon
 * @param {import("./room.js").Room | null} beside  the room as the other node has it
 */
export function isNews(event, inUse, newer, beside) {
  switch (event.type) {
    case "participant-joined":
    case "knocking":
      return !beside?.others.has(event.participant.id);
    case "participant-left":
      return !beside?.others.has(event.id);
    case "relay":
      return true; // sent to one of the two nodes
    case "room-ended":
      return newer;
    default:
      return inUse;
  }
}
