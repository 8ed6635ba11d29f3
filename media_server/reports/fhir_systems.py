"""The names of the code systems and number registers that a report refers to."""

from typing import Final

_BELGIUM: Final = "https://www.ehealth.fgov.be/standards/fhir/core"
SSIN: Final = f"{_BELGIUM}/NamingSystem/ssin"
NIHDI: Final = f"{_BELGIUM}/NamingSystem/nihdi"
CD_HCPARTY: Final = f"{_BELGIUM}/CodeSystem/cd-hcparty"

_HL7: Final = "http://terminology.hl7.org/CodeSystem"
ACT_CODE: Final = f"{_HL7}/v3-ActCode"
PARTICIPATION_TYPE: Final = f"{_HL7}/v3-ParticipationType"
PARTICIPATION_MODE: Final = f"{_HL7}/v3-ParticipationMode"
CONSENT_SCOPE: Final = f"{_HL7}/consentscope"

LOINC: Final = "http://loinc.org"
ATC: Final = "http://www.whocc.no/atc"
ICPC2: Final = "http://hl7.org/fhir/sid/icpc-2"
UCUM: Final = "http://unitsofmeasure.org"
URI: Final = "urn:ietf:rfc:3986"
LANGUAGE_TAG: Final = "urn:ietf:bcp:47"
