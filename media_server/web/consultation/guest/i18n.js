/** The few texts that only guests see. */

import { translator } from "../i18n.js";

const en = {
  "over.title": "This link does not work any more",
  "over.lead": "A link works once and for an hour. Ask the doctor for a new one.",
  "none.title": "You need a link",
  "none.lead": "Open the link that the doctor gave you, in full.",
  "chat": "Messages",
  "unread": "new messages: {count}",
};

/** @type {Record<keyof typeof en, string>} */
const nl = {
  "over.title": "Deze link werkt niet meer",
  "over.lead": "Een link werkt één keer en een uur lang. Vraag de arts om een nieuwe.",
  "none.title": "U hebt een link nodig",
  "none.lead": "Open de volledige link die de arts u heeft gegeven.",
  "chat": "Berichten",
  "unread": "nieuwe berichten: {count}",
};

/** @type {Record<keyof typeof en, string>} */
const fr = {
  "over.title": "Ce lien ne fonctionne plus",
  "over.lead": "Un lien sert une seule fois et pendant une heure. Demandez-en un nouveau au médecin.",
  "none.title": "Il vous faut un lien",
  "none.lead": "Ouvrez en entier le lien que le médecin vous a donné.",
  "chat": "Messages",
  "unread": "nouveaux messages : {count}",
};

/** @type {Record<keyof typeof en, string>} */
const de = {
  "over.title": "Dieser Link funktioniert nicht mehr",
  "over.lead": "Ein Link gilt einmal und eine Stunde lang. Bitten Sie die Ärztin oder den Arzt um einen neuen.",
  "none.title": "Sie brauchen einen Link",
  "none.lead": "Öffnen Sie den vollständigen Link, den Sie von der Ärztin oder dem Arzt bekommen haben.",
  "chat": "Nachrichten",
  "unread": "neue Nachrichten: {count}",
};

export const t = translator({ nl, fr, de, en });
