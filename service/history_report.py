"""The history of a patient as PDF: from rows to its content, and to bytes for commands and pages."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from grading.errors import PermanentError
from grading.protocols import PROTOCOLS
from reports.content import Course, ReportPatient, ReportPhoto
from reports.history_content import HistoryChange, HistoryEvent, HistoryReport, HistoryVisit
from reports.history_report import render_history_report
from reports.style import PLAIN, Style
from service import PRODUCT
from service.assessing import FOLDED, assess_items, assess_sub_scores, detectable
from service.course import course, day_of, origin_of
from service.records.gradings import intervals_of, scores_of
from service.records.models import Grading, Patient, Recording
from service.reporting import report_model, verdict_code
from service.storage import Storage

POSES = ("REST", "BROW", "EYETIGHT", "SMILE", "TEETH")
"""What is compared: rest, and the movements that the items of eFACE are read from."""
MOST_DATES = 4


class HistoryDateError(PermanentError):
    """The photos of a day were asked for on which nothing was graded."""

    code = "history.date"


def history_pdf(
    session: Session,
    storage: Storage,
    patient_id: int,
    style: Style = PLAIN,
    *,
    dates: Sequence[dt.date] = (),
    now: dt.datetime | None = None,
) -> bytes | None:
    """The history of the patient with this number; None where there is no such patient.

    Parameters:
        dates: days whose photos stand beside each other, at most four; by default the baseline, the latest
            and two between them.
        now: the moment that the document is dated with; the same moment and records give the same bytes.

    Raises:
        HistoryDateError: nothing was graded on one of the ``dates``, or they are too many.
        ReportError: it cannot be drawn.
    """
    patient = session.scalar(
        select(Patient)
        .where(Patient.id == patient_id)
        .options(
            selectinload(Patient.surgeries),
            selectinload(Patient.events),
            selectinload(Patient.recordings).options(
                selectinload(Recording.photos),
                selectinload(Recording.gradings.and_(Grading.active)).options(
                    selectinload(Grading.items),
                    selectinload(Grading.sub_scores),
                    selectinload(Grading.bundle),
                    selectinload(Grading.sign_off),
                ),
            ),
        )
    )
    if patient is None:
        return None
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0)
    return render_history_report(history_content(storage, patient, moment, dates), style)


def history_content(
    storage: Storage, patient: Patient, now: dt.datetime, dates: Sequence[dt.date] = ()
) -> HistoryReport:
    """What the history of a loaded patient says. Raises `HistoryDateError`.

    Of each recording the grading of the newest model counts, else the newest that there is.
    """
    dated = [recording for recording in patient.recordings if recording.recorded_at is not None]
    found = [one for recording in dated if (one := _current(recording)) is not None]
    gradings = sorted(found, key=lambda one: (day_of(one.recording), one.recording_key))
    line = course(patient, gradings, _origin(patient, dated))
    newest = max((point.model for point in line.points), default=0)
    own = [one for one in gradings if one.bundle_key == newest]
    baseline = _baseline(line, newest)
    mdc = detectable(own[-1].bundle.manifest) if own else {}
    chosen = _chosen(gradings, baseline, dates)
    return HistoryReport(
        patient=ReportPatient(patient.name, patient.patient_id, patient.birth_date, patient.sex),
        affected_side=_side(patient, own),
        course=replace(line, baseline=baseline, mdc={name: mdc[name] for name in line.mdc if name in mdc}),
        visits=tuple(
            HistoryVisit(
                point,
                scores_of(one),
                intervals_of(one),
                f"{one.bundle.name} {one.bundle.version}",
                one.sign_off.signed_by if one.sign_off else "",
                _photos(storage, one.recording) if one in chosen else (),
            )
            for point, one in zip(line.points, gradings, strict=True)
        ),
        events=_events(patient),
        changes=_changes(gradings[baseline], own[-1]) if baseline is not None and len(own) > 1 else (),
        mdc=mdc,
        undated=len(patient.recordings) - len(dated),
        ungraded=len(dated) - len(gradings),
        model=report_model(own[-1].bundle) if own else None,
        product=PRODUCT,
        created_at=now,
    )


def _current(recording: Recording) -> Grading | None:
    """Of a recording's active gradings the newest one of the newest model."""
    return max(
        (one for one in recording.gradings if one.active),
        key=lambda one: (one.bundle_key, one.id),
        default=None,
    )


def _origin(patient: Patient, dated: Sequence[Recording]) -> dt.date | None:
    """The day of the first surgery, as the recordings around it tell it, else any that they state."""
    first = patient.surgeries[0] if patient.surgeries else None
    around = [recording for recording in dated if first is None or recording.surgery_key == first.id]
    told = next((day for recording in around if (day := origin_of(recording)) is not None), None)
    return told or (first.performed_on if first else None)


def _baseline(line: Course, model: int) -> int | None:
    """The index of the last recording before the surgery that the model graded, else of its first."""
    own = [number for number, point in enumerate(line.points) if point.model == model]
    before = [number for number in own if line.from_surgery and line.points[number].days < 0]
    return next(iter(before[-1:] or own[:1]), None)


def _chosen(gradings: Sequence[Grading], baseline: int | None, dates: Sequence[dt.date]) -> list[Grading]:
    if len(dates) > MOST_DATES:
        raise HistoryDateError(f"photos of {len(dates)} days were asked for: give {MOST_DATES} at most")
    if dates:
        by_day = {day_of(one.recording): one for one in gradings}
        for day in dates:
            if day not in by_day:
                raise HistoryDateError(f"nothing was graded on {day}: give days of graded recordings")
        return [by_day[day] for day in dates]
    if baseline is None:
        return []
    last = len(gradings) - 1
    steps = min(MOST_DATES - 1, last - baseline)
    between = (
        {baseline + round(step * (last - baseline) / steps) for step in range(steps + 1)} if steps else {last}
    )
    return [gradings[number] for number in sorted(between)]


def _side(patient: Patient, own: Sequence[Grading]) -> str | None:
    told = [surgery.side for surgery in patient.surgeries]
    return own[-1].side if own and own[-1].side else (told[-1] if told else None)


def _photos(storage: Storage, recording: Recording) -> tuple[ReportPhoto, ...]:
    views = {photo.pose: photo.view_key for photo in recording.photos}
    poses = PROTOCOLS[recording.protocol].by_code
    return tuple(
        ReportPhoto(pose, poses[pose].number, poses[pose].name, _view(storage, views.get(pose)))
        for pose in POSES
        if pose in poses
    )


def _view(storage: Storage, key: str | None) -> bytes | None:
    try:
        return storage.read(key) if key else None
    except FileNotFoundError:
        return None


def _events(patient: Patient) -> tuple[HistoryEvent, ...]:
    events = [HistoryEvent(one.performed_on, "surgery", one.procedure, one.side) for one in patient.surgeries]
    events += [
        HistoryEvent(one.happened_on, one.kind.value, one.note or one.kind.value, one.side)
        for one in patient.events
    ]
    return tuple(sorted(events, key=lambda event: event.on))


def _changes(first: Grading, latest: Grading) -> tuple[HistoryChange, ...]:
    scores = scores_of(latest)
    known = [
        (score.id, score.value, assessed)
        for score, assessed in assess_sub_scores(latest, first)
        if score.formula == FOLDED
    ]
    known += [(item, scores[item], assessed) for item, assessed in assess_items(latest, first).items()]
    return tuple(
        HistoryChange(name, assessed.first, value, assessed.mdc, verdict_code(assessed.verdict) or "unknown")
        for name, value, assessed in known
        if assessed.first is not None
    )
