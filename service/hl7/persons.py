"""Patients as messages name them: identifiers, names, and which record they are about."""

import datetime as dt
from dataclasses import dataclass, field

import hl7
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.hl7.inbound import Inbound
from service.hl7.problems import MISSING, UNKNOWN_KEY, MessageProblemError
from service.listener_settings import ListenerSettings
from service.records.models import Patient
from service.records.patients import (
    add_identifier,
    correct_patient,
    find_patient,
    in_one_line,
    patient_for,
    same_words,
)

_SEXES = {"M": "M", "F": "F", "O": "O", "A": "O"}
_NO_SEPARATORS = str.maketrans("^=\\", "   ")
"""Of a DICOM person name."""
LONGEST_ID, LONGEST_NAME = 64, 324
Identifier = tuple[str, str]
"""An ID and its issuer."""


@dataclass(frozen=True)
class Person:
    """Whom a PID segment is about, empty where it does not say; hardly any of it is in ``repr``."""

    identifiers: tuple[Identifier, ...] = field(repr=False)
    name: str = field(repr=False)
    birth_date: dt.date | None = field(repr=False)
    death_date: dt.date | None = field(repr=False)
    sex: str
    lives: bool


def read_person(message: Inbound, pid: hl7.Segment, settings: ListenerSettings) -> Person:
    """What PID says. Raises `MessageProblemError` without an identifier that counts."""
    identifiers = read_identifiers(message, pid, 3, settings)
    if not identifiers:
        raise MessageProblemError(MISSING, "PID-3 holds no identifier of the patient", place="PID^1^3")
    return Person(
        identifiers=identifiers,
        name=_person_name(message, pid),
        birth_date=message.day("PID-7", pid),
        death_date=message.day("PID-29", pid),
        sex=_SEXES.get(message.value("PID-8", pid).upper(), ""),
        lives=message.value("PID-30", pid).upper() == "N",
    )


def read_identifiers(
    message: Inbound, segment: hl7.Segment, number: int, settings: ListenerSettings
) -> tuple[Identifier, ...]:
    """The identifiers (CX) of a field whose type counts, each with the issuer as photos name it."""
    found = []
    for parts in message.repetitions(segment, number):
        value, kind = message.plain(parts[0]), message.plain(_part(parts, 5))
        # The namespace of an assigning authority, or its universal id where it has no other.
        issuer = message.first_part(_part(parts, 4))
        if value and kind in settings.identifier_types:
            found.append((value, settings.issuers.get(issuer, issuer)))
    if any(len(value) > LONGEST_ID or len(issuer) > LONGEST_ID for value, issuer in found):
        raise MessageProblemError(UNKNOWN_KEY, "an identifier or its issuer is longer than 64 characters")
    if not all(in_one_line(part) for identifier in found for part in identifier):
        raise MessageProblemError(UNKNOWN_KEY, "an identifier or its issuer holds a control character")
    return tuple(dict.fromkeys(found))


def known_patient(session: Session, person: Person) -> Patient | None:
    """The one patient on record whom any of the identifiers names, locked; None if none does.

    Raises:
        MessageProblemError: they name two patients.
    """
    found = {
        patient.id: patient
        for identifier in sorted(person.identifiers)
        if (patient := find_patient(session, *identifier, lock=True)) is not None
    }
    if len(found) > 1:
        raise MessageProblemError(
            UNKNOWN_KEY,
            "the identifiers of PID-3 name two patients on record: merge them by A40 first",
            place="PID^1^3",
        )
    return next(iter(found.values()), None)


def update_patient(session: Session, person: Person, *, make: bool, by: str) -> Patient | None:
    """Let the record say what the message says of the patient; what was before is kept in its changes.

    What the message leaves empty stays. With ``make`` a patient who is not on record is made; else None.

    Raises:
        MessageProblemError: the identifiers name two patients, or the dates cannot be.
    """
    patient = known_patient(session, person)
    if patient is None:
        if not make:
            return None
        patient = patient_for(session, *person.identifiers[0])
    for identifier in person.identifiers:
        add_identifier(session, patient, *identifier)
    # A name that differs in its spelling only is left: photos may have told it in more scripts.
    named = person.name and not same_words(person.name, patient.name.split("=")[0])
    try:
        correct_patient(
            session,
            patient,
            name=person.name if named else None,
            birth_date=person.birth_date,
            death_date=person.death_date,
            sex=person.sex or None,
            lives=person.lives,
            by=by,
        )
    except PermanentError as error:
        raise MessageProblemError(UNKNOWN_KEY, str(error), place="PID^1") from None
    return patient


def _person_name(message: Inbound, pid: hl7.Segment) -> str:
    """PID-5 as a DICOM person name."""
    repeated = message.repetitions(pid, 5)
    if not repeated:
        return ""
    family, given, middle, suffix, prefix = map(message.first_part, [*repeated[0], *[""] * 5][:5])
    parts = [
        " ".join(part.translate(_NO_SEPARATORS).split()) for part in (family, given, middle, prefix, suffix)
    ]
    return "^".join(parts).rstrip("^")[:LONGEST_NAME]


def _part(parts: list[str], number: int) -> str:
    return parts[number - 1] if len(parts) >= number else ""
