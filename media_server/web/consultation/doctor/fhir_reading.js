/**
 * A medical file, FHIR R4 Bundle in hand, as a doctor reads it: allergies, medications, problems, vaccinations, results
 * and documents, each as one line with what matters beside it. Anything else is counted, never dropped in silence.
 * Pure: no DOM, no texts of ours.
 */

const PAST = new Set([
  "stopped", "completed", "inactive", "resolved", "remission", "entered-in-error", "cancelled",
]);

/** Of an entry that must not be believed. */
const NOT_SO = new Set(["refuted", "entered-in-error"]);

/** @typedef {Record<string, any>} Resource   as received: nothing about it is taken for granted */
/** @typedef {"allergies" | "medications" | "problems" | "vaccinations" | "results" | "documents" | "other"} Chapter */

/**
 * @typedef {object} Entry
 * @property {string} title       the code's text, in whatever language the file has it
 * @property {string} code        system's own code, such as an ATC or ICPC-2 code; empty when there is none
 * @property {string} detail      dose, reaction, value …; empty when there is none
 * @property {string | null} date as the file has it: FHIR dates may be a year or a month only
 * @property {string} status      FHIR's word, such as `active`; empty when there is none
 * @property {boolean} grave      a high criticality or a severe reaction
 */

/** Which resource types make up which chapter; in the order that a doctor looks. */
export const CHAPTERS = /** @type {const} */ (["allergies", "medications", "problems", "vaccinations", "results",
  "documents", "other"]);

/** @type {Record<string, Chapter>} */
const CHAPTER_OF = {
  AllergyIntolerance: "allergies",
  MedicationStatement: "medications", MedicationRequest: "medications", MedicationAdministration: "medications",
  Condition: "problems",
  Immunization: "vaccinations",
  Observation: "results", DiagnosticReport: "results",
  DocumentReference: "documents", Composition: "documents",
};
/** Whom and what the others refer to; said elsewhere on the page, or inside them. */
const FRAME = new Set(["Patient", "Practitioner", "PractitionerRole", "Organization", "Medication", "Encounter",
  "Provenance", "Device", "Location"]);

/**
 * @param {unknown} bundle
 * @returns {Record<Chapter, Entry[]>}
 */
export function readFile(bundle) {
  /** @type {Record<Chapter, Entry[]>} */
  const chapters = { allergies: [], medications: [], problems: [], vaccinations: [], results: [], documents: [],
    other: [] };
  const resources = resourcesOf(bundle);
  for (const resource of resources) {
    const chapter = CHAPTER_OF[resource.resourceType] ?? (FRAME.has(resource.resourceType) ? null : "other");
    if (chapter) chapters[chapter].push(entryOf(resource, resources));
  }
  for (const entries of Object.values(chapters)) entries.sort(newestFirst);
  chapters.allergies.sort((a, b) => Number(b.grave) - Number(a.grave));
  for (const entries of [chapters.medications, chapters.problems]) {
    entries.sort((a, b) => Number(isPast(a)) - Number(isPast(b)));
  }
  return chapters;
}

/** @param {unknown} bundle @returns {Resource[]} */
function resourcesOf(bundle) {
  const { entry } = /** @type {Resource} */ (bundle ?? {});
  return listOf(entry).map((each) => each?.resource).filter((resource) => typeof resource?.resourceType === "string");
}

/** @param {Resource} resource @param {Resource[]} all @returns {Entry} */
function entryOf(resource, all) {
  const concept = conceptOf(resource, all);
  return {
    title: textOf(concept) || textOf(resource.type) || resource.title || resource.description || resource.resourceType,
    code: listOf(concept?.coding).map(({ code }) => code).find(Boolean) ?? "",
    detail: detailOf(resource),
    date: dateOf(resource),
    status: codeOf(resource.clinicalStatus) || (typeof resource.status === "string" ? resource.status : ""),
    grave: isGrave(resource),
  };
}

/**
 * Whether the file calls it so: of high criticality, or with a severe reaction (FHIR R4 AllergyIntolerance). An entry
 * that was refuted, or made by mistake, says nothing.
 * @param {Resource} resource
 */
function isGrave({ criticality, reaction, verificationStatus }) {
  if (NOT_SO.has(codeOf(verificationStatus))) return false;
  return criticality === "high" || listOf(reaction).some(({ severity }) => severity === "severe");
}

/**
 * What it is about. A medication may be named here, or be a resource of its own.
 * @param {Resource} resource
 * @param {Resource[]} all
 */
function conceptOf(resource, all) {
  const { medicationCodeableConcept, medicationReference, vaccineCode, code } = resource;
  if (medicationReference?.reference) {
    const [type, id] = medicationReference.reference.split("/").slice(-2);
    const medication = all.find((each) => each.resourceType === type && each.id === id);
    return medication?.code ?? { text: medicationReference.display };
  }
  return medicationCodeableConcept ?? vaccineCode ?? code;
}

/** @param {Resource} resource */
function detailOf(resource) {
  const parts = [
    ...listOf(resource.dosage).map(({ text }) => text),
    ...listOf(resource.dosageInstruction).map(({ text }) => text),
    ...listOf(resource.reaction).flatMap(({ manifestation }) => listOf(manifestation).map(textOf)),
    valueOf(resource),
    resource.conclusion,
    ...listOf(resource.note).map(({ text }) => text),
    resource.resourceType === "DocumentReference" && textOf(resource.type) ? resource.description : null,
  ];
  return parts.filter((part) => typeof part === "string" && part !== "").join(" · ");
}

/** An observation's value, with its unit and components. @param {Resource} resource @returns {string} */
function valueOf({ valueQuantity, valueString, valueCodeableConcept, component }) {
  if (valueQuantity) {
    const { value, unit, code } = valueQuantity;
    return [value, unit ?? code].filter((part) => part !== undefined).join(" ");
  }
  const parts = listOf(component).map((each) => [textOf(each.code), valueOf(each)].filter(Boolean).join(" "));
  return valueString ?? (textOf(valueCodeableConcept) || parts.join(", "));
}

/** @param {Resource} resource @returns {string | null} */
function dateOf(resource) {
  const { onsetDateTime, effectiveDateTime, effectivePeriod, occurrenceDateTime } = resource;
  const { authoredOn, recordedDate, issued, date } = resource;
  return effectiveDateTime ?? effectivePeriod?.start ?? onsetDateTime ?? occurrenceDateTime ?? authoredOn
    ?? recordedDate ?? issued ?? date ?? null;
}

/** @param {Resource | undefined} concept  CodeableConcept @returns {string} */
function textOf(concept) {
  return concept?.text ?? listOf(concept?.coding).map(({ display }) => display).find(Boolean) ?? "";
}

/** @param {Resource | undefined} concept */
function codeOf(concept) {
  return listOf(concept?.coding).map(({ code }) => code).find(Boolean) ?? "";
}

/** @param {unknown} value @returns {Resource[]} */
function listOf(value) {
  return Array.isArray(value) ? value.filter((each) => each !== null && typeof each === "object") : [];
}

/** @param {Entry} entry  a medicine that is taken no more, a problem that is over */
function isPast({ status }) {
  return PAST.has(status);
}

/** @param {Entry} a @param {Entry} b */
function newestFirst(a, b) {
  return (b.date ?? "").localeCompare(a.date ?? "");
}
