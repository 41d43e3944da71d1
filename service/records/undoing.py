"""Undoing corrections and deletions of surgeries and events, by what was kept of them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.changes import content
from service.records.events import add_event, correct_event
from service.records.models import Change, Event, EventKind, Patient, Surgery
from service.records.surgeries import add_surgery, correct_surgery

SUBJECTS: dict[str, type[Surgery] | type[Event]] = {"surgery": Surgery, "event": Event}


class UndoError(PermanentError):
    """A change cannot be undone any more."""

    code = "change.undo"


def latest_changes(session: Session, patient_id: int, limit: int = 5) -> Sequence[Change]:
    """The last correction or deletion of each surgery and event of a patient, the newest first."""
    newest = (
        select(func.max(Change.id))
        .where(Change.patient_key == patient_id, Change.subject.in_(SUBJECTS), Change.action != "merged")
        .group_by(Change.subject, Change.subject_id)
    )
    query = select(Change).where(Change.id.in_(newest)).order_by(Change.id.desc()).limit(limit)
    return [change for change in session.scalars(query) if not _back(session, change)]


def _back(session: Session, change: Change) -> bool:
    """Whether what was deleted is on record again."""
    if change.action != "deleted":
        return False
    before = _restored(change.before)
    same = {name: value for name, value in before.items() if name not in ("surgeon", "note")}
    query = select(SUBJECTS[change.subject]).filter_by(patient_key=change.patient_key, **same)
    return session.scalar(query) is not None


def undo_change(session: Session, change: Change, by: str) -> Surgery | Event:
    """Put back what a correction or deletion replaced; an undone correction is a change of its own.

    Raises:
        UndoError: the row was changed again since, or it is no change that can be undone.
        SurgeryError, EventError: what was before is not possible any more.
    """
    if change.subject not in SUBJECTS or change.action not in ("corrected", "deleted"):
        raise UndoError("only corrections and deletions of surgeries and events can be undone")
    row = session.get(SUBJECTS[change.subject], change.subject_id, with_for_update=True)
    before = _restored(change.before)
    if change.action == "deleted":
        patient = session.get_one(Patient, change.patient_key)
        add = add_surgery if change.subject == "surgery" else add_event
        return add(session, patient.patient_id, patient.issuer, **before)
    if row is None or content(row) != change.after:
        raise UndoError("it was changed again since: load the page again and correct it there")
    if isinstance(row, Surgery):
        return correct_surgery(session, row.id, **before, by=by)
    return correct_event(session, change.subject_id, **before, by=by)


def _restored(before: dict[str, Any]) -> dict[str, Any]:
    """What a row said, from JSON to the types of its columns."""
    kept = dict(before)
    for name in ("performed_on", "happened_on"):
        if name in kept:
            kept[name] = dt.date.fromisoformat(kept[name])
    if "kind" in kept:
        kept["kind"] = EventKind(kept["kind"])
    return kept
