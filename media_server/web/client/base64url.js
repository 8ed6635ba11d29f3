/** Bytes as base64url text (RFC 4648 §5, without padding), as binary fields travel in the JSON sub-protocol. Pure. */

/** @param {Uint8Array} bytes @returns {string} */
export function toBase64url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Throws for anything outside the alphabet. @param {string} text @returns {Uint8Array} */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
