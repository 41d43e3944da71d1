"""Finding patients by what a person types: words of names, identifiers, days."""

import datetime as dt
import re
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Text,
    and_,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from service.records.models import (
    Patient,
    PatientIdentifier,
    Recording,
    Surgery,
)

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")

# written as the indexes are, by which they are found
_PATIENT_TRIGRAMS = type_coerce(
    literal_column("facialis_trigrams(patient.name, patient.patient_id)"), ARRAY(Text)
)
_IDENTIFIER_TRIGRAMS = type_coerce(literal_column("facialis_trigrams(patient_identifier.value)"), ARRAY(Text))


def named(search: str) -> ColumnElement[bool]:
    """Condition: the patient's name, id or a further identifier holds every word.

    A word that is a day finds patients too who were born, photographed or operated on then.
    """
    # PostgreSQL's text cannot hold NUL, so nothing that does can be found.
    words = search.replace("\0", " ").replace(",", " ").replace("^", " ").split()
    return and_(True, *map(_fitting, words))


def written_day(word: str) -> dt.date | None:
    """The day that a word is, written 2026-03-01 or 1.3.2026; None if it is none."""
    numbers: tuple[str, ...] = ()
    if found := _ISO.fullmatch(word):
        numbers = found.groups()
    elif found := _GERMAN.fullmatch(word):
        numbers = found.groups()[::-1]
    try:
        return dt.date(*map(int, numbers)) if numbers else None
    except ValueError:
        return None


def _fitting(word: str) -> ColumnElement[bool]:
    day = written_day(word)
    if day is None:
        return _holding(word)
    begin = dt.datetime.combine(day, dt.time.min)
    end = dt.datetime.combine(day, dt.time.max)
    then: CompoundSelect[Any] = union(
        select(Patient.id).where(Patient.birth_date == day).correlate(None),
        select(Recording.patient_key).where(Recording.recorded_at.between(begin, end)).correlate(None),
        select(Surgery.patient_key).where(Surgery.performed_on == day),
    )
    return Patient.id.in_(then) | _holding(word)


def _holding(word: str) -> ColumnElement[bool]:
    own = or_(
        Patient.name.icontains(word, autoescape=True), Patient.patient_id.icontains(word, autoescape=True)
    )
    further = PatientIdentifier.value.icontains(word, autoescape=True)
    if len(word) < 3:
        # No index knows so short a word; it is looked for along the order of the list, which soon is full.
        return own | (
            select(PatientIdentifier.id).where(PatientIdentifier.patient_key == Patient.id, further).exists()
        )
    trigrams = func.facialis_trigrams(word, type_=ARRAY(Text))
    patients = select(Patient.id).where(_PATIENT_TRIGRAMS.contains(trigrams), own).correlate(None)
    others = (
        select(PatientIdentifier.patient_key)
        .where(_IDENTIFIER_TRIGRAMS.contains(trigrams), further)
        .correlate(None)
    )
    return Patient.id.in_(union(patients, others))
