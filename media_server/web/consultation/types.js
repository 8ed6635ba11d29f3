/**
 * What crosses the wire between these pages and `/v1`, as types only: nothing here runs. Times are RFC 3339 in UTC.
 *
 * @typedef {import("../page/i18n.js").Language} Language
 * @typedef {"patient" | "doctor" | "guest"} Role
 *
 * @typedef {object} Me
 * @property {string} id
 * @property {Role} role
 * @property {string} name
 * @property {string} [given_name]
 * @property {string} [family_name]
 * @property {string} [birthdate]     YYYY-MM-DD
 * @property {string} language
 * @property {string} [verified_at]   when itsme identified this person
 * @property {string} csrf_token
 * @property {string} [session_expires_at]
 * @property {MePatient} [patient]
 * @property {MeDoctor} [doctor]
 * @property {{consultation: string}} [guest]
 *
 * @typedef {object} MePatient
 * @property {boolean} needs_proxy          a minor, for whom somebody else must speak
 * @property {boolean} has_national_number
 * @property {number} consultations_left    this month
 * @property {string | null} active_consultation
 * @property {boolean} intake_draft
 *
 * @typedef {object} MeDoctor
 * @property {string} nihdi
 * @property {string} qualification
 * @property {string[]} languages
 * @property {boolean} on_duty
 * @property {string[]} [duty_languages]     in which they take patients while on duty
 * @property {boolean} may_go_on_duty
 * @property {string[]} why_not             codes
 *
 * @typedef {{itsme: boolean, development: boolean, walk_in: boolean, policy: string, languages: string[]}} LoginOptions
 *
 * @typedef {object} StopScreen             the fixed words for a red flag
 * @property {string} title
 * @property {string} text
 * @property {{number: string, uri: string, label: string}[]} numbers
 * @property {string} call_label
 * @property {string} back_label
 * @property {string} continue_label
 * @property {string} recorded              what is said of going on
 *
 * @typedef {"teleconsultation" | "recording" | "medical_file_access" | "report_to_gp" | "third_party_presence"} ConsentKind
 * @typedef {"requested" | "granted" | "refused" | "withdrawn" | "expired"} ConsentState
 * @typedef {{kind: ConsentKind | "privacy-notice" | "not-an-emergency", version: string, title: string, text: string}} ConsentText
 *
 * @typedef {object} Consent
 * @property {ConsentKind} kind
 * @property {ConsentState} state
 * @property {string} [participant]
 * @property {{nihdi: string} | null} [recipient]  who gets the report
 * @property {{invitation: string, label: string} | null} [guest]  who would be present, and what they are to the patient
 * @property {string} [text_version]
 * @property {string} [at]
 * @property {string} [receipt]             a signed JWS, to keep
 *
 * @typedef {{name: string, nihdi?: string}} Practitioner
 *
 * @typedef {object} ProxyFor               whom a parent or guardian calls for
 * @property {string} given_name
 * @property {string} family_name
 * @property {string} birthdate
 * @property {string} [national_number]
 * @property {string} relationship
 *
 * @typedef {object} NewConsultation
 * @property {QuestionnaireResponse} questionnaire_response
 * @property {Language} language
 * @property {string | null} insurance_fund  three figures
 * @property {string} location
 * @property {string} [callback_number]
 * @property {Practitioner} [general_practitioner]
 * @property {ProxyFor} [proxy_for]
 * @property {boolean} [continue_despite_warning]
 * @property {number} [taken_s]              how long it took to fill in
 * @property {Partial<Record<ConsentText["kind"], {granted: boolean, text_version: string, recipient?: Practitioner}>>} consents
 * @property {Record<string, {acknowledged: boolean, text_version: string}>} notices
 *
 * @typedef {"arrived" | "triaged" | "in-progress" | "finished" | "cancelled"} ConsultationState
 * @typedef {"advice" | "treatment" | "referral" | "emergency" | "out-of-scope" | "not-reached"} OutcomeKind
 *
 * @typedef {object} Consultation
 * @property {string} id
 * @property {ConsultationState} state
 * @property {"patient" | "no-show" | "expired" | null} [reason]  why it was cancelled
 * @property {Language} language
 * @property {string} created_at
 * @property {string | null} [opened_at]
 * @property {string | null} [closed_at]
 * @property {{position: number, estimated_wait_s: number | null} | null} [queue]  position 0: a doctor has taken it
 * @property {boolean} [may_return]          the doctor has vanished: the patient may go back into the queue
 * @property {{name: string, nihdi: string, qualification?: string} | null} [doctor]
 * @property {{id: string, name: string, birthdate?: string, gender?: string, language: string} | null} [patient]  for doctors
 * @property {Practitioner | null} [general_practitioner]  as the patient named them; for the patient, until the end
 * @property {number} [missed_calls]
 * @property {"video" | "audio" | null} [medium]
 * @property {OutcomeKind | null} [outcome]
 * @property {{state: "none" | "queued" | "delivered" | "failed" | "cancelled"} | null} [report]
 * @property {Attachment[]} [attachments]
 * @property {boolean} [rated]
 * @property {string | null} [purge_at]      when the content is deleted
 *
 * @typedef {{id: string, content_type: string, bytes: number, from?: string, created_at?: string}} Attachment
 * @typedef {{questionnaire_response: QuestionnaireResponse, language: Language, details: Record<string, string>}} IntakeDraft
 * @typedef {{ticket: string, url: string, expires_in: number, participant: string}} Ticket
 *
 * @typedef {object} Waiting                 one line of the doctor's queue; no health data
 * @property {string} consultation
 * @property {number} position
 * @property {Language} language
 * @property {string} waiting_since
 * @property {number | string} [priority]
 *
 * @typedef {object} Intake
 * @property {Questionnaire} questionnaire
 * @property {QuestionnaireResponse} questionnaire_response
 * @property {{language: Language, sections: SummarySection[], text: string}} summary
 * @property {(string | {code: string, display?: string})[]} category_codes
 * @typedef {{key?: string, title: string, lines: {label: string, value: string, quoted?: boolean, language?: string}[]}} SummarySection
 *
 * @typedef {object} Invitation
 * @property {string} id
 * @property {string} label
 * @property {"open" | "used" | "revoked" | "expired"} state
 * @property {string} [participant]
 *
 * @typedef {object} Outcome
 * @property {string | {text: string}} [note]
 * @property {{id: string, atc: string, display: string, dose: string, quantity?: number}[]} prescriptions
 * @property {{id: string, to: string, specialty?: string, urgency: string, reason: string}[]} referrals
 * @property {{id: string, kind: string, from: string, to: string}[]} certificates
 * @property {{outcome: OutcomeKind, icpc2?: string} | null} [closure]
 *
 * @typedef {{at: string, who: string | {role: string, name?: string}, what: string, consultation?: string | null, outcome?: string}} AuditEntry
 *
 * @typedef {{field: string, code: string, detail?: string}} FieldProblem   `field` is a JSON pointer
 *
 * @typedef {{kind: string, reason: string, version: string, text: Record<Language, string>}} MedicineRule  why not
 *
 * What we read of FHIR R4 Questionnaire and QuestionnaireResponse.
 * @typedef {object} Questionnaire
 * @property {"Questionnaire"} resourceType
 * @property {string} [url]
 * @property {string} [version]
 * @property {string} [title]
 * @property {string} [language]
 * @property {QuestionnaireItem[]} item
 *
 * @typedef {object} QuestionnaireItem
 * @property {string} linkId
 * @property {string} type
 * @property {string} [text]
 * @property {boolean} [required]
 * @property {boolean} [repeats]
 * @property {boolean} [readOnly]
 * @property {number} [maxLength]
 * @property {EnableWhen[]} [enableWhen]
 * @property {"all" | "any"} [enableBehavior]
 * @property {AnswerOption[]} [answerOption]
 * @property {(AnswerValue & {})[]} [initial]
 * @property {QuestionnaireItem[]} [item]
 * @property {Extension[]} [extension]
 * @property {Extension[]} [code]
 *
 * @typedef {Record<string, any>} Extension
 * @typedef {AnswerValue & {initialSelected?: boolean, extension?: Extension[]}} AnswerOption
 * @typedef {{question: string, operator: "exists" | "=" | "!=" | ">" | "<" | ">=" | "<="} & Record<string, any>} EnableWhen
 *
 * @typedef {{system?: string, code?: string, display?: string}} Coding
 * @typedef {object} AnswerValue
 * @property {boolean} [valueBoolean]
 * @property {number} [valueDecimal]
 * @property {number} [valueInteger]
 * @property {string} [valueDate]
 * @property {string} [valueDateTime]
 * @property {string} [valueTime]
 * @property {string} [valueString]
 * @property {string} [valueUri]
 * @property {Coding} [valueCoding]
 * @property {{value: number, unit?: string, system?: string, code?: string}} [valueQuantity]
 *
 * @typedef {object} QuestionnaireResponse
 * @property {"QuestionnaireResponse"} resourceType
 * @property {string} [questionnaire]    canonical|version
 * @property {"in-progress" | "completed"} status
 * @property {string} [authored]
 * @property {ResponseItem[]} item
 * @typedef {{linkId: string, text?: string, answer?: AnswerValue[], item?: ResponseItem[]}} ResponseItem
 */

export {};
