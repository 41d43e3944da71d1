"""Where a recording stands in time around a surgery."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.records.models import Patient, Surgery

DAYS_PER_MONTH = 365.25 / 12
NAMED_MONTHS = (3, 6, 9, 12, 18, 24)
"""Follow-ups that are usual after facial nerve surgery; then yearly (clinical.md 7.2)."""


def anchor(surgeries: Sequence[Surgery], recorded_on: dt.date) -> Surgery | None:
    """The surgery that a recording is placed around: the last one before it, else the next one after it."""
    before = [surgery for surgery in surgeries if surgery.performed_on <= recorded_on]
    if before:
        return max(before, key=lambda surgery: surgery.performed_on)
    return min(surgeries, key=lambda surgery: surgery.performed_on, default=None)


def timepoint_name(days: int) -> str:
    """The usual name of a time after surgery, in days; negative is before.

    A named month reaches half-way to its neighbours; up to half of the first one the time is given in days.
    """
    if days < 0:
        return "pre-op"
    months = days / DAYS_PER_MONTH
    if months < NAMED_MONTHS[0] / 2:
        return f"{days} days"
    if months < NAMED_MONTHS[-1] + 6:
        nearest = min(NAMED_MONTHS, key=lambda named: abs(named - months))
        return f"{nearest} months"
    return f"{round(months / 12)} years"


def link_surgeries(session: Session, patient: Patient) -> None:
    """Place every recording of the patient around the patient's surgeries anew.

    What the photos state of their time comes first, since their dates may have been shifted.
    """
    session.flush()
    session.expire(patient, ["surgeries", "recordings"])
    for recording in patient.recordings:
        if recording.recorded_at is None:
            recording.days_from_surgery = recording.stated_days
            continue
        recorded_on = recording.recorded_at.date()
        surgery = anchor(patient.surgeries, recorded_on)
        recording.surgery = surgery
        dated = (recorded_on - surgery.performed_on).days if surgery else None
        recording.days_from_surgery = dated if recording.stated_days is None else recording.stated_days
