"""A patient's sub-scores over time, as reports show them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from reports.content import Course, CourseMark, CoursePoint
from service.assessing import FOLDED, detectable
from service.records.models import Grading, Patient, Recording
from service.records.timepoints import timepoint_name

GROUPS = ("static", "dynamic")


def recording_course(session: Session, recording: Recording, grading: Grading) -> Course:
    """The course up to a recording, graded by the same bundle, as it was when ``grading`` was made.

    Of each recording the newest grading that is not newer than ``grading`` counts, so that the same grading
    shows the same course again. A recording without a date has no course.
    """
    patient, taken = recording.patient, recording.recorded_at
    if patient is None or taken is None:
        return Course()
    query = (
        select(Grading)
        .join(Recording)
        .where(
            Recording.patient_key == patient.id,
            Recording.recorded_at <= taken,
            Grading.bundle_key == grading.bundle_key,
            Grading.id <= grading.id,
        )
        .order_by(Grading.id)
        .options(selectinload(Grading.sub_scores), selectinload(Grading.recording))
    )
    newest = {one.recording_key: one for one in session.scalars(query)} | {recording.id: grading}
    gradings = sorted(newest.values(), key=lambda one: (day_of(one.recording), one.recording_key))
    return course(patient, gradings, origin_of(recording), until=taken.date())


def course(
    patient: Patient, gradings: Iterable[Grading], origin: dt.date | None, *, until: dt.date | None = None
) -> Course:
    """Gradings of dated recordings, the oldest first, around ``origin``: a day of surgery.

    Without one the first recording is the origin. Surgeries and events after ``until`` are not shown.
    """
    shown = list(gradings)
    begin = origin or (day_of(shown[0].recording) if shown else None)
    if begin is None:
        return Course()
    marks = [(one.performed_on, "surgery", one.procedure) for one in patient.surgeries]
    marks += [(one.happened_on, one.kind.value, one.note or one.kind.value) for one in patient.events]
    return Course(
        points=tuple(_point(one, begin, around_surgery=origin is not None) for one in shown),
        from_surgery=origin is not None,
        marks=tuple(
            CourseMark((day - begin).days, kind, label)
            for day, kind, label in sorted(marks)
            if until is None or day <= until
        ),
        mdc=_detectable(shown[-1].bundle.manifest) if shown else {},
    )


def origin_of(recording: Recording) -> dt.date | None:
    """The day of the surgery that a recording is placed around, as its days from surgery tell it."""
    if recording.recorded_at is None or recording.days_from_surgery is None:
        return None
    return recording.recorded_at.date() - dt.timedelta(days=recording.days_from_surgery)


def day_of(recording: Recording) -> dt.date:
    """The day of a recording that has a date."""
    if recording.recorded_at is None:
        raise ValueError(f"recording {recording.id} has no date")
    return recording.recorded_at.date()


def _point(grading: Grading, begin: dt.date, *, around_surgery: bool) -> CoursePoint:
    day = day_of(grading.recording)
    days = (day - begin).days
    folded = {row.name: row for row in grading.sub_scores if row.formula == FOLDED and row.name in GROUPS}
    return CoursePoint(
        recorded_on=day,
        days=days,
        timepoint=timepoint_name(days) if around_surgery else None,
        scores={name: row.value for name, row in folded.items()},
        intervals={name: row.interval for name, row in folded.items() if row.interval is not None},
        model=grading.bundle_key,
    )


def _detectable(manifest: Mapping[str, Any]) -> dict[str, float]:
    return {name: mdc for name, mdc in detectable(manifest).items() if name in GROUPS}
