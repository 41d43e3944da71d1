"""What all resources share: code systems, references between resources, numbers, extensions.

Codes are those of `dicom.codes`, the same strings as in DICOM and HL7. Addresses of our own are UIDs as
`urn:oid:`, the coding scheme's the same as in DICOM: they need no web address that somebody has to keep.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from pydicom.sr.coding import Code

from dicom.uids import CODING_SCHEME, CODING_SCHEME_UID, derived_uid

Resource = dict[str, Any]
"""A resource, or a part of one, as JSON types."""
Refer = Callable[[str, str], str]
"""From a resource's type and id to the reference that other resources use."""

SYSTEMS = {
    CODING_SCHEME: f"urn:oid:{CODING_SCHEME_UID}",
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
}
"""FHIR's name of a coding scheme by DICOM's."""

INTERVAL = f"urn:oid:{derived_uid('fhir extension', 'prediction interval')}"
"""Extension of a score's Quantity: its 90 % prediction interval as a Range, which has no standard place."""

UIDS, URIS = "urn:dicom:uid", "urn:ietf:rfc:3986"
DECIMALS = 2
"""Of scores, as in the structured report."""


def relative(kind: str, resource_id: str) -> str:
    """A reference within one server, such as ``Patient/12``."""
    return f"{kind}/{resource_id}"


def coding(code: Code) -> Resource:
    """A code as Coding."""
    return {"system": SYSTEMS[code.scheme_designator], "code": code.value, "display": code.meaning}


def concept(code: Code, text: str | None = None) -> Resource:
    """A code as CodeableConcept; ``text`` says it in words where the code's meaning does not suffice."""
    return {"coding": [coding(code)], "text": text or code.meaning}


def terminology(system: str, code: str, display: str) -> Resource:
    """A code of HL7's own terminology as CodeableConcept."""
    system = f"http://terminology.hl7.org/CodeSystem/{system}"
    return {"coding": [{"system": system, "code": code, "display": display}]}


def quantity(value: float, unit: Code) -> Resource:
    """A number with a UCUM unit."""
    return {
        "value": round(value, DECIMALS),
        "unit": unit.meaning,
        "system": SYSTEMS["UCUM"],
        "code": unit.value,
    }


def uid_identifier(uid: str, system: str = UIDS) -> Resource:
    """A DICOM UID as Identifier; a UID of ours that is no DICOM object's stands under `URIS`."""
    return {"system": system, "value": f"urn:oid:{uid}"}


def meta(updated: dt.datetime) -> Resource:
    """When the resource last changed; the version is that moment, so that an ETag follows from it."""
    return {"versionId": version(updated), "lastUpdated": instant(updated)}


def version(updated: dt.datetime) -> str:
    """A version id out of the moment of the last change: microseconds since 1970."""
    return str(round(updated.timestamp() * 1_000_000))


def instant(moment: dt.datetime) -> str:
    """A moment with its zone, to the microsecond."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def filled(resource: Resource) -> Resource:
    """The resource without empty elements, which FHIR does not allow."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}
