"""The first page: what needs attention, then the patients with their recordings."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.records.history import (
    find_patients,
    latest_recordings,
    recordings_needing_attention,
    unidentified_recordings,
)
from service.records.models import Patient, Recording
from service.reporting import recorded_on
from service.web.words import timepoint

PATIENTS_SHOWN = 100
RECORDINGS_SHOWN = 4
"""Of one patient; the patient's page has all of them."""


@dataclass(frozen=True)
class Entry:
    """A recording in a list."""

    recording: Recording
    on: dt.date
    timepoint: str | None


@dataclass(frozen=True)
class PatientEntry:
    """A patient with the latest recordings first; ``more`` is how many are not listed."""

    patient: Patient
    recordings: tuple[Entry, ...]
    more: int


@dataclass(frozen=True)
class Worklist:
    """The first page. ``search`` is empty where nobody is searched for; ``cut`` tells of longer lists."""

    search: str
    attention: tuple[Entry, ...]
    unidentified: tuple[Entry, ...]
    patients: tuple[PatientEntry, ...]
    cut: bool


def make_worklist(session: Session, search: str) -> Worklist:
    """The page for a search by name or id, or for everybody."""
    attention = recordings_needing_attention(session, search, PATIENTS_SHOWN)
    patients = find_patients(session, search, PATIENTS_SHOWN + 1)
    recordings = latest_recordings(session, patients[:PATIENTS_SHOWN], RECORDINGS_SHOWN)
    return Worklist(
        search=search,
        attention=_entries(attention),
        unidentified=() if search else _entries(unidentified_recordings(session, PATIENTS_SHOWN)),
        patients=tuple(
            _patient_entry(patient, *recordings[patient.id]) for patient in patients[:PATIENTS_SHOWN]
        ),
        cut=len(patients) > PATIENTS_SHOWN,
    )


def _patient_entry(patient: Patient, latest: Sequence[Recording], total: int) -> PatientEntry:
    return PatientEntry(patient, _entries(latest), total - len(latest))


def _entries(recordings: Sequence[Recording]) -> tuple[Entry, ...]:
    return tuple(Entry(recording, recorded_on(recording), timepoint(recording)) for recording in recordings)
