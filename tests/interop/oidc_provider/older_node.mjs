// What the provider uses of newer versions of Node.js than Debian 12 has (18): `crypto.hash`, given to it by a hook of
// the module loader, since the built-in module itself takes no additions.

import crypto from "node:crypto";

export * from "node:crypto";
export default crypto;

/** @param {string} algorithm @param {string | Buffer} data */
export function hash(algorithm, data, encoding = "hex") {
  const digest = crypto.createHash(algorithm).update(data).digest();
  return encoding === "buffer" ? digest : digest.toString(encoding);
}

/** The hook (Node.js, `module.register`): whoever wants the built-in module gets this one. */
export async function resolve(specifier, context, next) {
  const others = specifier === "node:crypto" && context.parentURL !== import.meta.url;
  return others ? { url: import.meta.url, shortCircuit: true } : next(specifier, context);
}
