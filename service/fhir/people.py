"""Patient and Procedure: who the records are about, and what was done to them."""

import re
from collections.abc import Mapping

from dicom import codes
from service.fhir.coding import Refer, Resource, concept, filled, meta, relative, terminology
from service.records.models import Patient, Surgery

_GENDERS = {"M": "male", "F": "female", "O": "other"}
_SIDES = {"L": "left side", "R": "right side", "B": "both sides"}
OID = r"[0-2](\.(0|[1-9][0-9]*))+"
SYSTEMATIC = rf"(urn:|https?://).*|{OID}"
"""Issuers that are a system themselves, as regular expression of Python and PostgreSQL alike."""
_REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
_SPELLINGS = ("ABC", "IDE", "SYL")
"""The groups of a DICOM person name in their order: alphabetic, ideographic, phonetic."""

IdentifierSystems = Mapping[str, str]
"""FHIR's identifier system by the issuer of patient IDs, as the settings name them."""


def patient_resource(patient: Patient, systems: IdentifierSystems) -> Resource:
    """A patient, with the identifiers loaded, and what photos or other systems told."""
    return filled({
        "resourceType": "Patient",
        "id": str(patient.id),
        "meta": meta(patient.updated_at),
        "identifier": [
            identifier(patient.patient_id, patient.issuer, systems),
            *(
                identifier(one.value, one.issuer, systems, use="secondary")
                for one in patient.identifiers
            ),
        ],
        "name": _names(patient.name),
        "gender": _GENDERS.get(patient.sex),
        "birthDate": patient.birth_date and patient.birth_date.isoformat(),
        "deceasedDateTime": patient.death_date and patient.death_date.isoformat(),
    })  # fmt: skip


def procedure_resource(surgery: Surgery, refer: Refer = relative) -> Resource:
    """A surgery on the facial nerve; the procedure's words are those that it was recorded with."""
    sides = [codes.SIDES[side] for side in ("L", "R") if surgery.side in (side, "B")]
    return {
        "resourceType": "Procedure",
        "id": str(surgery.id),
        "meta": meta(surgery.updated_at),
        "status": "completed",
        "code": concept(codes.SURGERY, surgery.procedure),
        "subject": {"reference": refer("Patient", str(surgery.patient_key))},
        "performedDateTime": surgery.performed_on.isoformat(),
        "bodySite": [concept(codes.FACE, f"Face, {_SIDES[surgery.side]}"), *map(concept, sides)],
    }


def identifier(value: str, issuer: str, systems: IdentifierSystems, use: str = "usual") -> Resource:
    """A patient ID as Identifier: the issuer as its system where it is one, and as the assigner's name."""
    return filled({
        "use": use,
        "type": terminology("v2-0203", "MR", "Medical record number"),
        "system": identifier_system(issuer, systems),
        "value": value,
        "assigner": {"display": issuer} if issuer else None,
    })  # fmt: skip


def identifier_system(issuer: str, systems: IdentifierSystems) -> str | None:
    """The system of an issuer's patient IDs: that of the settings, else the issuer if it is a URI or OID.

    None where neither is known: such an identifier is unique within this service only.
    """
    if issuer in systems:
        return systems[issuer]
    if re.fullmatch(SYSTEMATIC, issuer) is None:
        return None
    return f"urn:oid:{issuer}" if re.fullmatch(OID, issuer) else issuer


def _names(name: str) -> list[Resource]:
    """A DICOM person name as one HumanName per spelling that it has."""
    groups = [(kind, group) for kind, group in zip(_SPELLINGS, name.split("="), strict=False)]
    spelt = [(kind, group) for kind, group in groups if group.strip("^ ")]
    return [_human_name(group, kind if len(spelt) > 1 else None) for kind, group in spelt]


def _human_name(group: str, spelling: str | None) -> Resource:
    parts = [" ".join(part.split()) for part in group.split("^")]
    family, given, middle, prefix, suffix = (parts + [""] * 5)[:5]
    return filled({
        "extension": [{"url": _REPRESENTATION, "valueCode": spelling}] if spelling else None,
        "text": " ".join(filter(None, (prefix, given, middle, family, suffix))),
        "family": family,
        "given": [*filter(None, (given, middle))],
        "prefix": [*filter(None, (prefix,))],
        "suffix": [*filter(None, (suffix,))],
    })  # fmt: skip
