"""Surgeries out of the Procedures of a FHIR server, for the patients on record; again changes nothing.

A surgery notes which Procedure it came from, so that what is corrected there is corrected here. What is taken
back there is told, and stays until a person has looked at it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.peers import PeerUnavailableError, RejectedError, unreachable
from grading.errors import PermanentError
from service.database import transaction
from service.fhir.client import LATER, fhir_session, words
from service.fhir.people import identifier_system
from service.fhir.procedures import ProcedureRead, read_procedure
from service.peer_settings import FhirSource
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Patient, Surgery
from service.records.surgeries import add_surgery, correct_surgery

TIMEOUT = 30.0
PAGE = 100
MOST_PAGES = 100


@dataclass(frozen=True)
class PatientOutcome:
    """What was found for one patient, by number; the remarks name nobody."""

    patient: int
    added: int = 0
    corrected: int = 0
    unchanged: int = 0
    remarks: tuple[str, ...] = ()


def fetch_surgeries(
    engine: Engine, source: FhirSource, actor: audit.Actor, patient: int | None = None
) -> Iterator[PatientOutcome]:
    """Ask for the surgeries of every patient on record, or of one; each patient is stored at once.

    Raises:
        PeerUnavailableError: the server cannot be reached; what came before is stored.
        RejectedError: it does not let us search.
    """
    with transaction(engine) as session:
        query = select(Patient.id).order_by(Patient.id)
        numbers = session.scalars(query if patient is None else query.where(Patient.id == patient)).all()
    with fhir_session(source) as server:
        for number in numbers:
            with transaction(engine) as session:
                known = session.get(Patient, number)
                asked = [] if known is None else _identifiers(known, source)
            if not asked:
                yield PatientOutcome(number, remarks=("no FHIR system is known for the patient's ID",))
                continue
            found, remarks = _procedures(server, source, asked)
            yield _store(engine, source, number, found, remarks, actor)


def _identifiers(patient: Patient, source: FhirSource) -> list[str]:
    """The patient's identifiers as FHIR searches for them."""
    held = [(patient.patient_id, patient.issuer), *((one.value, one.issuer) for one in patient.identifiers)]
    return [
        f"{system}|{value}"
        for value, issuer in held
        if (system := identifier_system(issuer, source.systems)) is not None
    ]


def _procedures(
    server: requests.Session, source: FhirSource, identifiers: list[str]
) -> tuple[list[ProcedureRead], list[str]]:
    """The procedures that count of the patient whom the identifiers name, and remarks."""
    ids: dict[str, None] = {}
    for identifier in identifiers:
        found = [one["id"] for one in _search(server, source, "Patient", {"identifier": identifier})]
        if len(found) > 1:
            return [], ["the server has several patients with this ID"]
        ids |= dict.fromkeys(found)
    resources = [
        resource
        for one in ids
        for resource in _search(server, source, "Procedure", {"patient": f"Patient/{one}"})
    ]
    read = [read_procedure(resource, source.codes) for resource in resources]
    return [one for one in read if one is not None], []


def _search(
    server: requests.Session, source: FhirSource, kind: str, query: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Resources of all pages of a search."""
    url: str | None = f"{source.url}/{kind}"
    parameters: Mapping[str, str] | None = {**query, "_count": str(PAGE)}
    for _ in range(MOST_PAGES):
        if url is None:
            return
        try:
            answer = server.get(url, params=parameters, timeout=TIMEOUT)
        except requests.RequestException as error:
            raise unreachable(source.url, error) from None
        if answer.status_code >= 500 or answer.status_code in LATER:
            raise PeerUnavailableError(f"{source.url} answered {words(answer)}: try again later.")
        if not answer.ok:
            raise RejectedError(f"{source.url} does not let us search {kind} ({words(answer)}).")
        try:
            bundle = answer.json()
            entries = [entry["resource"] for entry in bundle.get("entry") or ()]
            links = {link["relation"]: link["url"] for link in bundle.get("link") or ()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RejectedError(f"{source.url} does not answer as FHIR does: correct the address.") from None
        yield from (one for one in entries if one.get("resourceType") == kind)
        url, parameters = _next(source, links.get("next")), None


def _next(source: FhirSource, link: str | None) -> str | None:
    """The next page, at the same server only: our sign-in goes to no other."""
    if link is None:
        return None
    url = urljoin(f"{source.url}/", link)
    if urlsplit(url)[:2] != urlsplit(source.url)[:2]:
        raise RejectedError(f"{source.url} leads to another server for its next page: correct it there.")
    return url


def _store(
    engine: Engine,
    source: FhirSource,
    number: int,
    found: list[ProcedureRead],
    remarks: list[str],
    actor: audit.Actor,
) -> PatientOutcome:
    counts = {"added": 0, "corrected": 0, "unchanged": 0}
    with transaction(engine) as session:
        patient = session.get(Patient, number, with_for_update={"of": Patient})
        if patient is None:
            return PatientOutcome(number, remarks=("the patient was merged meanwhile",))
        for one in found:
            try:
                with session.begin_nested():
                    outcome = _store_one(session, patient, one, source, actor)
            except PermanentError as error:
                remarks.append(f"Procedure/{one.id}: {error}")
                continue
            if outcome in counts:
                counts[outcome] += 1
            else:
                remarks.append(f"Procedure/{one.id}: {outcome}")
    return PatientOutcome(number, **counts, remarks=tuple(remarks))


def _store_one(
    session: Session, patient: Patient, one: ProcedureRead, source: FhirSource, actor: audit.Actor
) -> str:
    """What became of a procedure: `added`, `corrected`, `unchanged`, or a remark."""
    origin = f"FHIR {source.name}: Procedure/{one.id};"
    known = session.scalars(
        select(Surgery).where(
            Surgery.patient_key == patient.id, Surgery.note.contains(origin, autoescape=True)
        )
    ).first()
    if one.undone:
        # A person decides: recordings are placed around it.
        return f"was taken back there; look at surgery {known.id}" if known else "unchanged"
    if one.problem is not None or one.day is None:
        return one.problem or ""
    if known is None:
        before = {surgery.id for surgery in patient.surgeries}
        row = add_surgery(
            session, patient.patient_id, patient.issuer, one.day, one.procedure, one.side, surgeon=one.surgeon
        )
        # One that was typed in before is the same; from now on it follows the server.
        row.note = " ".join(filter(None, (row.note, origin)))
        if row.id in before:
            return "unchanged"
        audit.record(session, actor, AuditEventKind.SURGERY_ADDED, patient=patient.id, surgery=row.id)
        return "added"
    if (known.performed_on, known.procedure, known.side) == (one.day, one.procedure, one.side):
        return "unchanged"
    correct_surgery(
        session, known.id, performed_on=one.day, procedure=one.procedure, side=one.side, by=actor.name[:100]
    )
    audit.record(session, actor, AuditEventKind.SURGERY_CHANGED, patient=patient.id, surgery=known.id)
    return "corrected"
