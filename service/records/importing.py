"""Patients, surgeries and events out of a table: problems by row; the same table again changes nothing."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.events import add_event
from service.records.models import EventKind, Patient
from service.records.patients import (
    add_identifier,
    complete_patient,
    correct_patient,
    find_patient,
    hold_further_identifiers,
    patient_for,
    same_words,
)
from service.records.surgeries import add_surgery
from service.tables import CellError, Column, Row, check_cells, read_date

SIDES = {
    "L": ("l", "left", "links"),
    "R": ("r", "right", "rechts"),
    "B": ("b", "both", "beide", "beidseits", "beidseitig"),
}
SEXES = {
    "M": ("m", "male", "männlich"),
    "F": ("f", "female", "w", "weiblich"),
    "O": ("o", "other", "d", "divers"),
}
KINDS = {
    EventKind.BOTULINUM_TOXIN: ("botulinum_toxin", "botox", "botulinumtoxin"),
    EventKind.LID_WEIGHT: ("lid_weight", "lidgewicht", "lidimplantat"),
    EventKind.TRAINING: ("training",),
    EventKind.REVISION: ("revision",),
    EventKind.OTHER: ("other", "sonstiges"),
}
_PATIENT = (
    Column("patient_id", ("patient", "patientennummer", "pid"), required=True, longest=64),
    Column("issuer", ("aussteller",), longest=64),
)
_NOTE = Column("note", ("bemerkung", "notiz"), lines=True)
MOST_FURTHER = 2000
"""Further identifiers in a table: each is held until its end, and PostgreSQL has room for some thousands."""


@dataclass(frozen=True)
class Remark:
    """What is to be said of a row; ``problem`` keeps the table out, else it is only told."""

    row: int
    column: str
    message: str
    problem: bool


@dataclass(frozen=True)
class Outcome:
    """What a table holds that is not on record (``added``), what is already (``known``), and the remarks.

    Nothing of it is to be committed where ``problems`` is not empty.
    """

    added: int
    known: int
    new_patients: int
    remarks: tuple[Remark, ...]

    @property
    def problems(self) -> tuple[Remark, ...]:
        """The remarks that keep the table out."""
        return tuple(remark for remark in self.remarks if remark.problem)


Answer = TypeVar("Answer", bound=str)
Added = bool
Note = tuple[str, str]
"""A column and what is to be told of it."""


@dataclass(frozen=True)
class Table:
    """A kind of table: its columns, and what brings one row to the records.

    ``record`` gets a session and the cells, and gives whether something is new, and notes on the row.
    """

    name: str
    columns: tuple[Column, ...]
    record: Callable[[Session, Row], tuple[Added, list[Note]]]


def import_rows(session: Session, table: Table, rows: Iterable[Row]) -> Outcome:
    """Bring all rows to the records as far as they can be; the caller commits only without problems."""
    hold_further_identifiers(session, alone=True)
    added = known = new_patients = further = 0
    remarks: list[Remark] = []
    met: set[tuple[str, str]] = set()
    for row in rows:
        remark = partial(Remark, row.number)
        faults = check_cells(row, table.columns)
        remarks += [remark(column, message, problem=True) for column, message in faults]
        further += bool(row.cells.get("other_id"))
        if further > MOST_FURTHER:
            told = f"is one of more than {MOST_FURTHER}: split the table"
            remarks.append(remark("other_id", told, problem=True))
            break
        if faults:
            continue
        identifier = row.cells.get("patient_id", ""), row.cells.get("issuer", "")
        stranger = bool(identifier[0]) and identifier not in met and _unknown(session, row)
        try:
            new, notes = table.record(session, row)
        except ColumnError as error:
            remarks.append(remark(error.column, str(error), problem=True))
            continue
        except PermanentError as error:
            remarks.append(remark("", str(error), problem=True))
            continue
        met.add(identifier)
        added, known, new_patients = added + new, known + (not new), new_patients + stranger
        if stranger and table is not PATIENTS:
            notes = [("patient_id", "names nobody on record: a new patient is made"), *notes]
        remarks += [remark(column, message, problem=False) for column, message in notes]
    return Outcome(added, known, new_patients, tuple(remarks))


def _unknown(session: Session, row: Row) -> bool:
    return find_patient(session, row.cells["patient_id"], row.cells["issuer"]) is None


class ColumnError(CellError):
    """A cell of ``column`` cannot be used."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def _surgery(session: Session, row: Row) -> tuple[Added, list[Note]]:
    cells = row.cells
    day, side = _date(row, "date"), _one_of(row, "side", SIDES)
    patient = find_patient(session, cells["patient_id"], cells["issuer"])
    same_day = [one for one in patient.surgeries if one.performed_on == day] if patient else []
    twins = [one for one in same_day if (one.procedure, one.side) == (cells["procedure"], side)]
    notes = [
        (column, "differs from the record, which is kept: correct it with 'facialis surgery correct'")
        for one in twins
        for column, standing in (("surgeon", one.surgeon), ("note", one.note))
        if standing and cells[column] and standing != cells[column]
    ]
    if same_day and not twins:
        notes.append(("date", "has another surgery of this patient: both are kept"))
    if twins and not any(cells[name] and not getattr(twins[0], name) for name in ("surgeon", "note")):
        return False, notes
    add_surgery(
        session,
        cells["patient_id"],
        cells["issuer"],
        day,
        cells["procedure"],
        side,
        surgeon=cells["surgeon"],
        note=cells["note"],
    )
    return not twins, notes


def _event(session: Session, row: Row) -> tuple[Added, list[Note]]:
    cells = row.cells
    day, kind = _date(row, "date"), _one_of(row, "kind", KINDS)
    side = _one_of(row, "side", SIDES) if cells["side"] else ""
    patient = find_patient(session, cells["patient_id"], cells["issuer"])
    twins = [
        one
        for one in (patient.events if patient else ())
        if (one.happened_on, one.kind, one.side) == (day, kind, side)
    ]
    notes = [
        ("note", "differs from the record, which is kept")
        for one in twins
        if one.note and cells["note"] and one.note != cells["note"]
    ]
    event = add_event(session, cells["patient_id"], cells["issuer"], day, kind, side, cells["note"])
    session.expire(event.patient, ["events"])
    return not twins, notes


def _person(session: Session, row: Row) -> tuple[Added, list[Note]]:
    cells = row.cells
    born = _date(row, "birth_date") if cells["birth_date"] else None
    died = _date(row, "death_date") if cells["death_date"] else None
    sex = _one_of(row, "sex", SEXES) if cells["sex"] else ""
    name = "^".join(part.strip() for part in cells["name"].split(","))
    stranger = _unknown(session, row)
    patient = patient_for(session, cells["patient_id"], cells["issuer"])
    notes = list(_differences(patient, {"name": name, "birth_date": born, "death_date": died, "sex": sex}))
    complete_patient(session, patient, name=name, birth_date=born, sex=sex)
    correct_patient(
        session, patient, birth_date=patient.birth_date or born, death_date=patient.death_date or died
    )
    if cells["other_id"]:
        add_identifier(session, patient, cells["other_id"], cells["other_issuer"])
    return stranger, notes


def _differences(patient: Patient, given: dict[str, object]) -> Iterator[Note]:
    for column, value in given.items():
        standing = getattr(patient, column)
        if value and standing and not same_words(str(value), str(standing)):
            yield column, "differs from the record, which is kept"


def _date(row: Row, column: str) -> dt.date:
    try:
        return read_date(row.cells[column])
    except CellError as error:
        raise ColumnError(column, str(error)) from None


def _one_of(row: Row, column: str, answers: Mapping[Answer, Sequence[str]]) -> Answer:
    word = row.cells[column].casefold().replace(" ", "_")
    for answer, words in answers.items():
        if word in words:
            return answer
    raise ColumnError(column, f"is unknown: write one of {', '.join(answers)}")


SURGERIES = Table(
    "surgeries",
    (
        *_PATIENT,
        Column("date", ("datum", "performed_on"), required=True),
        Column("procedure", ("eingriff", "operation"), required=True, longest=200),
        Column("side", ("seite",), required=True),
        Column("surgeon", ("operateur",), longest=200),
        _NOTE,
    ),
    _surgery,
)
EVENTS = Table(
    "events",
    (
        *_PATIENT,
        Column("date", ("datum", "happened_on"), required=True),
        Column("kind", ("art",), required=True),
        Column("side", ("seite",)),
        _NOTE,
    ),
    _event,
)
PATIENTS = Table(
    "patients",
    (
        *_PATIENT,
        Column("name", longest=324),
        Column("birth_date", ("geburtsdatum",)),
        Column("death_date", ("todesdatum", "sterbedatum")),
        Column("sex", ("geschlecht",)),
        Column("other_id", ("weitere_nummer",), longest=64),
        Column("other_issuer", ("weiterer_aussteller",), longest=64),
    ),
    _person,
)
