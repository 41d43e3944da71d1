"""The first page: what needs attention, then the patients with their recordings."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.records.models import Patient, Recording, RecordingState
from service.records.worklist import (
    counts_by_state,
    find_patients,
    latest_recordings,
    newest_recordings,
    recordings_needing_attention,
    unidentified_recordings,
)
from service.reporting import recorded_on
from service.web.words import timepoint

PATIENTS_SHOWN = 100
NEWEST_SHOWN = 10
MOST = 1000
"""Recordings are counted up to here: nobody reads more, and an archive has very many."""
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
    """The first page. ``search`` is empty where nobody is searched for; ``cut`` tells of longer lists.

    ``state`` is that of the ``newest`` recordings, None for those of all states; ``counts`` reach to `MOST`.
    """

    search: str
    state: RecordingState | None
    counts: dict[RecordingState, int]
    newest: tuple[Entry, ...]
    attention: tuple[Entry, ...]
    unidentified: tuple[Entry, ...]
    patients: tuple[PatientEntry, ...]
    cut: bool


def make_worklist(session: Session, search: str, state: RecordingState | None = None) -> Worklist:
    """The page for a search by name, id or day, for the recordings in a state, or for everybody."""
    if state is not None:
        entries = _entries(newest_recordings(session, [state], PATIENTS_SHOWN))
        return Worklist("", state, counts_by_state(session, MOST), entries, (), (), (), cut=False)
    newest = () if search else newest_recordings(session, list(RecordingState), NEWEST_SHOWN)
    attention = recordings_needing_attention(session, search, PATIENTS_SHOWN)
    patients = find_patients(session, search, PATIENTS_SHOWN + 1)
    recordings = latest_recordings(session, patients[:PATIENTS_SHOWN], RECORDINGS_SHOWN)
    return Worklist(
        search=search,
        state=None,
        counts={} if search else counts_by_state(session, MOST),
        newest=_entries(newest),
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
