/** The texts of the patient's page. */

import { translator } from "../i18n.js";
import { de } from "./texts_de.js";
import { en } from "./texts_en.js";
import { fr } from "./texts_fr.js";
import { nl } from "./texts_nl.js";

export const texts = { nl, fr, de, en };
/** @typedef {keyof typeof en} PatientKey */
/** @typedef {Record<PatientKey, string>} PatientTexts */
export const t = translator(texts);
