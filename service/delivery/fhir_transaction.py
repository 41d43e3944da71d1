"""A result as a FHIR R4 transaction: each entry is made only where its identifier is not there yet.

A transaction that is sent again so changes nothing. A report that was signed off replaces its draft: its
entries are conditional updates by the same identifiers.
"""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import quote

from grading.errors import PermanentError
from service.delivery.outcomes import Parcel
from service.fhir.coding import URIS, Resource, uid_identifier
from service.fhir.people import identifier, identifier_system
from service.peer_settings import PatientSystems
from service.storage import Storage

SIGNED = ("Observation", "DiagnosticReport")
"""What is preliminary until the report was signed off."""


class PatientSystemError(PermanentError):
    """FHIR's name for the issuer of a patient's ID is not known, so that it could mean another patient."""

    code = "fhir.patient_system"


def transaction_of(
    parcel: Parcel, systems: PatientSystems, storage: Storage, *, create_patients: bool
) -> bytes:
    """The Bundle of a parcel of kind `fhir`: the same parcel and settings make the same bytes.

    Without ``create_patients`` the patient has to be known to the server.

    Raises:
        PatientSystemError: the settings name no system for the issuer of the patient's ID.
    """
    frozen = json.loads(parcel.content.read_bytes())
    system = identifier_system(frozen["issuer"], systems.systems)
    if system is None:
        raise PatientSystemError(
            "no system is known for the issuer of this patient's ID: name it in the destination's systems"
        )
    entries = []
    for entry in frozen["entries"]:
        resource = {name: value for name, value in entry["resource"].items() if name not in ("id", "meta")}
        kind = resource["resourceType"]
        if kind in SIGNED and frozen["final"]:
            resource["status"] = "final"
        if kind == "Patient":
            resource["identifier"] = [
                identifier(frozen["patient_id"], frozen["issuer"], {frozen["issuer"]: system})
            ]
        elif kind == "DiagnosticReport":
            # The draft's and the final report's documents differ; what they are of is the same.
            resource["identifier"].insert(0, uid_identifier(frozen["grading_uid"], URIS))
            _attach(resource, storage.read(frozen["pdf_key"]))
        entries.append({"fullUrl": entry["url"], "resource": resource, "request": _request(resource, frozen)})
    if not create_patients:
        patient = entries.pop(0)
        entries = _replaced(entries, patient["fullUrl"], f"Patient?{_criteria(patient['resource'])}")
    bundle = {
        "resourceType": "Bundle",
        "identifier": uid_identifier(parcel.uid, URIS),
        "type": "transaction",
        "entry": entries,
    }
    return json.dumps(bundle, ensure_ascii=False).encode()


def _request(resource: Resource, frozen: dict[str, Any]) -> Resource:
    kind = resource["resourceType"]
    if frozen["final"] and kind in SIGNED:
        return {"method": "PUT", "url": f"{kind}?{_criteria(resource)}"}
    return {"method": "POST", "url": kind, "ifNoneExist": _criteria(resource)}


def _criteria(resource: Resource) -> str:
    """The search that finds the resource by its first identifier."""
    first = resource["identifier"][0]
    return f"identifier={quote(first['system'], safe=':/')}|{quote(first['value'], safe=':')}"


def _attach(report: Resource, pdf: bytes) -> None:
    (form,) = report["presentedForm"]
    digest = hashlib.sha1(pdf, usedforsecurity=False).digest()
    form |= {
        "data": base64.b64encode(pdf).decode(),
        "size": len(pdf),
        "hash": base64.b64encode(digest).decode(),
    }


def _replaced(value: Any, old: str, new: str) -> Any:
    """JSON with every reference ``old`` replaced."""
    if isinstance(value, dict):
        return {
            name: new if name == "reference" and inner == old else _replaced(inner, old, new)
            for name, inner in value.items()
        }
    return [_replaced(inner, old, new) for inner in value] if isinstance(value, list) else value
