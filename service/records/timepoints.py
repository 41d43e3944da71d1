"""Where a recording stands in time around its patient's surgeries."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.records.models import Patient, Recording, Surgery, Timepoint
from service.settings import load_settings
from service.timepoint_settings import TimepointSettings

DAYS_PER_MONTH = 365.25 / 12
PRE_OP = "pre-op"


def anchor(surgeries: Sequence[Surgery], recorded_on: dt.date) -> Surgery | None:
    """The surgery that a recording is placed around: the last one before it, else the next one after it.

    Of several on one day it is the one that was recorded first.
    """
    before = [surgery for surgery in surgeries if surgery.performed_on <= recorded_on]
    if before:
        return max(before, key=lambda surgery: surgery.performed_on)
    return min(surgeries, key=lambda surgery: surgery.performed_on, default=None)


@dataclass(frozen=True)
class Window:
    """A named time around a surgery, in days, both ends included; ``nominal`` is the day it is named for."""

    name: str
    from_days: int
    to_days: int
    nominal: int


def timepoint_name(days: int, windows: TimepointSettings | None = None) -> str:
    """The usual name of a time after surgery, in days; negative is before.

    ``windows`` are those of the settings if not given. A window with a name of its own comes first. A named
    month reaches half-way to its neighbours; up to half of the first one the time is given in days, after the
    last one it is yearly.
    """
    windows = load_settings().timepoints if windows is None else windows
    for window in (*_own_windows(windows), *_month_windows(windows.months)):
        if window.from_days <= days <= window.to_days:
            return window.name
    if days < 0:
        return PRE_OP
    if days < windows.months[0] * DAYS_PER_MONTH / 2:
        return f"{days} days"
    return f"{max(_next_year(windows.months), round(days / DAYS_PER_MONTH / 12))} years"


def time_windows(windows: TimepointSettings | None = None, years: int = 10) -> tuple[Window, ...]:
    """The windows that a course over time is told in: a site's own, pre-op, the months, then up to ``years``.

    Pre-op reaches back ten years and is named for the day before surgery.
    """
    windows = load_settings().timepoints if windows is None else windows
    months = _month_windows(windows.months)
    first = _next_year(windows.months)
    yearly = [
        Window(f"{year} years", *_reach(12 * year - 6, 12 * year + 6), round(12 * year * DAYS_PER_MONTH))
        for year in range(first, years + 1)
    ]
    if yearly:
        yearly[0] = replace(yearly[0], from_days=months[-1].to_days + 1)
    return (*_own_windows(windows), Window(PRE_OP, -3653, -1, -1), *months, *yearly)


def _own_windows(windows: TimepointSettings) -> tuple[Window, ...]:
    return tuple(
        Window(one.name, one.from_days, one.to_days, (one.from_days + one.to_days) // 2)
        for one in windows.windows
    )


@lru_cache(maxsize=8)
def _month_windows(months: tuple[int, ...]) -> tuple[Window, ...]:
    edges = [
        months[0] / 2,
        *((one + other) / 2 for one, other in pairwise(months)),
        (months[-1] + 12 * _next_year(months)) / 2,
    ]
    return tuple(
        Window(f"{month} months", *_reach(low, high), round(month * DAYS_PER_MONTH))
        for month, (low, high) in zip(months, pairwise(edges), strict=True)
    )


def _reach(low: float, high: float) -> tuple[int, int]:
    """First and last whole day from ``low`` to under ``high`` months."""
    return math.ceil(low * DAYS_PER_MONTH), math.ceil(high * DAYS_PER_MONTH) - 1


def _next_year(months: tuple[int, ...]) -> int:
    return months[-1] // 12 + 1


def link_surgeries(session: Session, patient: Patient) -> None:
    """Place every recording of the patient around each surgery of the patient anew, and choose its anchor.

    What the photos state of their time comes first, since their dates may have been shifted; it is taken to
    be the time from the anchor.
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
    session.flush()
    if patient.recordings:
        _place_around_each(session, patient)


def _place_around_each(session: Session, patient: Patient) -> None:
    wanted = {
        (recording.id, surgery.id): recording.days_from_surgery
        + (recording.surgery.performed_on - surgery.performed_on).days
        for recording in patient.recordings
        if recording.surgery is not None and recording.days_from_surgery is not None
        for surgery in patient.surgeries
    }
    rows = session.execute(
        select(Timepoint.recording_key, Timepoint.surgery_key, Timepoint.days)
        .join(Recording)
        .where(Recording.patient_key == patient.id)
    )
    placed = {(row.recording_key, row.surgery_key): row.days for row in rows}
    gone = placed.keys() - wanted.keys()
    changed = [
        {"recording_key": recording, "surgery_key": surgery, "days": days}
        for (recording, surgery), days in wanted.items()
        if placed.get((recording, surgery)) != days
    ]
    if gone:
        session.execute(
            delete(Timepoint).where(tuple_(Timepoint.recording_key, Timepoint.surgery_key).in_(gone))
        )
    if changed:
        new = insert(Timepoint).values(changed)
        session.execute(
            new.on_conflict_do_update(
                index_elements=["recording_key", "surgery_key"], set_={"days": new.excluded.days}
            )
        )
