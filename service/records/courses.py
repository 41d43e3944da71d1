"""Questions about one patient: the time line around a surgery, and what changed since the baseline."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from grading.scales import sub_scores
from service.assessing import FOLDED, assess_items, assess_sub_scores
from service.records.gradings import intervals_of, scores_of
from service.records.models import Grading, Recording, Surgery, Timepoint
from service.records.surgeries import UnknownSurgeryError
from service.records.timepoints import timepoint_name


@dataclass(frozen=True)
class TimelineRow:
    """What happened at one time around a surgery; a graded recording has a row per score.

    ``what`` is `recording`, `surgery` or `event`, and ``label`` its state, procedure or kind. ``value`` and
    the 90 % interval, in points, are of ``score``, an item or a folded sub-score; None where nothing was
    graded.
    """

    what: str
    on: dt.date
    days: int
    timepoint: str
    label: str
    side: str | None = None
    recording: int | None = None
    score: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bundle: str | None = None


@dataclass(frozen=True)
class Change:
    """How a score stands against the baseline, graded by the same bundle; ``verdict`` is in words.

    ``mdc`` is the bundle's minimal detectable change (points), None where it does not know it.
    """

    recording: int
    recorded_on: dt.date
    days: int
    timepoint: str
    score: str
    baseline_recording: int
    baseline_days: int
    before: float
    after: float
    change: float
    mdc: float | None
    verdict: str
    bundle: str


def timeline(session: Session, surgery_id: int) -> list[TimelineRow]:
    """Everything of the surgery's patient in the order of time around it.

    Raises:
        UnknownSurgeryError: there is no such surgery.
    """
    surgery = _surgery(session, surgery_id)
    patient = surgery.patient

    def row(what: str, on: dt.date, label: str, side: str) -> TimelineRow:
        days = (on - surgery.performed_on).days
        return TimelineRow(what, on, days, timepoint_name(days), label, side or None)

    rows = [row("surgery", one.performed_on, one.procedure, one.side) for one in patient.surgeries]
    rows += [row("event", one.happened_on, one.kind.value, one.side) for one in patient.events]
    for point in _points(session, surgery):
        rows += _recording_rows(point)
    return sorted(rows, key=lambda row: (row.days, row.what != "surgery"))


def changes_since_baseline(session: Session, surgery_id: int) -> list[Change]:
    """Every score of every recording after the baseline, with the verdict on its change.

    The baseline of each bundle is the last recording before the surgery that it graded, else the first after.

    Raises:
        UnknownSurgeryError: there is no such surgery.
    """
    graded = [
        (point, grading)
        for point in _points(session, _surgery(session, surgery_id))
        if (grading := _current(point.recording)) is not None
    ]
    changes = []
    for bundle in {grading.bundle_key for _, grading in graded}:
        course = [(point, grading) for point, grading in graded if grading.bundle_key == bundle]
        before = [number for number, (point, _) in enumerate(course) if point.days < 0]
        first = before[-1] if before else 0
        for point, grading in course[first + 1 :]:
            changes += _changes(course[first], point, grading)
    return sorted(changes, key=lambda change: (change.days, change.recording))


def _surgery(session: Session, surgery_id: int) -> Surgery:
    surgery = session.get(Surgery, surgery_id)
    if surgery is None:
        raise UnknownSurgeryError(f"there is no surgery {surgery_id}: see 'facialis surgery list'")
    return surgery


def _points(session: Session, surgery: Surgery) -> Sequence[Timepoint]:
    """The recordings around the surgery in the order of time, with their current gradings."""
    gradings = selectinload(Timepoint.recording).selectinload(Recording.gradings.and_(Grading.active))
    query = (
        select(Timepoint)
        .where(Timepoint.surgery_key == surgery.id)
        .order_by(Timepoint.days, Timepoint.recording_key)
        .options(
            gradings.selectinload(Grading.items),
            gradings.selectinload(Grading.sub_scores),
            gradings.joinedload(Grading.bundle),
        )
    )
    return session.scalars(query).all()


def _current(recording: Recording) -> Grading | None:
    active = [grading for grading in recording.gradings if grading.active]
    return max(active, key=lambda grading: grading.id, default=None)


def _recording_rows(point: Timepoint) -> list[TimelineRow]:
    recording = point.recording
    start = TimelineRow(
        "recording",
        _day(recording),
        point.days,
        timepoint_name(point.days),
        recording.state.value,
        recording=recording.id,
    )
    grading = _current(recording)
    if grading is None:
        return [start]
    scores = scores_of(grading)
    folded = {one.id: one.value for one in sub_scores(scores) if one.formula == FOLDED}
    intervals = intervals_of(grading)
    rows = []
    for score, value in (scores | folded).items():
        low, high = intervals.get(score, (None, None))
        rows.append(replace(start, score=score, value=value, low=low, high=high, bundle=_name(grading)))
    return rows


def _changes(baseline: tuple[Timepoint, Grading], point: Timepoint, grading: Grading) -> list[Change]:
    before, first = baseline
    scores = scores_of(grading)
    known = {name: (scores[name], assessed) for name, assessed in assess_items(grading, first).items()}
    known |= {
        score.id: (score.value, assessed)
        for score, assessed in assess_sub_scores(grading, first)
        if score.formula == FOLDED
    }
    return [
        Change(
            recording=point.recording_key,
            recorded_on=_day(point.recording),
            days=point.days,
            timepoint=timepoint_name(point.days),
            score=score,
            baseline_recording=before.recording_key,
            baseline_days=before.days,
            before=assessed.first,
            after=value,
            change=value - assessed.first,
            mdc=assessed.mdc,
            verdict=assessed.verdict,
            bundle=_name(grading),
        )
        for score, (value, assessed) in known.items()
        if assessed.first is not None and assessed.verdict is not None
    ]


def _day(recording: Recording) -> dt.date:
    assert recording.recorded_at is not None  # noqa: S101 - only dated recordings have timepoints
    return recording.recorded_at.date()


def _name(grading: Grading) -> str:
    return f"{grading.bundle.name} {grading.bundle.version}"
