"""What raters are to score: given to them, begun by themselves, in which order, and how far they are."""

import datetime as dt
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from grading.errors import PermanentError
from grading.scales import SCALES, Item
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import Annotation, AnnotationScore, Assignment, Photo, Rater, Recording

REPEAT_AFTER = 3
"""So many others at least stand between a recording and its hidden repeat, where there are as many."""


class AssignmentError(PermanentError):
    """Recordings cannot be given to raters as asked."""

    code = "assignment.invalid"


@dataclass(frozen=True)
class Task:
    """An assignment with how many of its items are scored, of how many that must be."""

    assignment: Assignment
    scored: int
    wanted: int


@dataclass(frozen=True)
class Progress:
    """How far a rater is: recordings given, begun and finished, hidden repeats counted as recordings."""

    rater: str
    given: int
    begun: int
    finished: int
    last_at: dt.datetime | None


def wanted_items(scales: Sequence[str]) -> tuple[Item, ...]:
    """The items that must be scored on some scales: all but the optional ones."""
    return tuple(item for scale in scales for item in SCALES[scale].items if not item.optional)


def rater_named(session: Session, name: str) -> Rater:
    """The rater of this name, made if need be; a user's annotations stand under the sign-in name."""
    session.execute(insert(Rater).values(name=name).on_conflict_do_nothing())
    return session.scalars(select(Rater).where(Rater.name == name)).one()


def can_be_scored() -> ColumnElement[bool]:
    """Condition: photos of the recording are prepared for looking at."""
    return exists().where(Photo.recording_key == Recording.id, Photo.view_key.is_not(None))


def scorable(session: Session, wanted: Collection[int] | None, limit: int) -> list[int]:
    """Recordings that can be scored, the newest first: those wanted, or of all the newest ``limit``."""
    query = select(Recording.id).where(can_be_scored()).order_by(Recording.id.desc()).limit(limit)
    if wanted is not None:
        query = query.where(Recording.id.in_(wanted))
    return list(session.scalars(query))


def give(
    session: Session,
    by: Actor,
    raters: Sequence[str],
    recordings: Sequence[int],
    scales: Sequence[str],
    *,
    blind: bool,
    repeated: float = 0.0,
) -> int:
    """Give recordings to raters; how many assignments are new. What a rater has already stays as it is.

    Parameters:
        raters: their sign-in names.
        blind: no other scores are shown, and each rater gets another order, by chance.
        repeated: the share (0-1) of recordings that each rater gets once more later; only blind.

    Raises:
        AssignmentError: a scale is unknown, nothing can be scored, or repeats are wanted that are not blind.
    """
    unknown = [scale for scale in scales if scale not in SCALES]
    if unknown or not scales:
        raise AssignmentError(f"choose one or more of the scales {', '.join(SCALES)}")
    if repeated and not blind:
        raise AssignmentError("hidden repeats are only hidden where the rater grades blind: choose both")
    if not raters or not recordings:
        raise AssignmentError("choose at least one rater and one recording whose photos are prepared")
    made = 0
    for name in raters:
        rater = rater_named(session, name)
        order = _order(recordings, round(repeated * len(recordings))) if blind else _once(recordings)
        last = session.scalar(select(func.max(Assignment.place)).where(Assignment.rater_key == rater.id)) or 0
        rows = [
            {
                "rater_key": rater.id,
                "recording_key": recording,
                "repeat": repeat,
                "scales": list(scales),
                "blind": blind,
                "place": place,
                "given_by": by.name,
            }
            for place, (recording, repeat) in enumerate(order, start=last + 1)
        ]
        new = insert(Assignment).on_conflict_do_nothing().returning(Assignment.recording_key)
        given = session.scalars(new, rows).all()
        made += len(given)
        audit.record(
            session, by, AuditEventKind.RATER_ASSIGNED, rater=name, recordings=len(given), blind=blind
        )
    return made


def begin(
    session: Session, by: Actor, rater: str, recording: int, scales: Sequence[str], *, blind: bool
) -> Assignment | None:
    """An assignment that a rater takes up unasked, or has already; None for what cannot be scored."""
    if not scorable(session, [recording], 1):
        return None
    give(session, by, [rater], [recording], scales, blind=blind)
    query = select(Assignment).join(Assignment.rater)
    return session.scalars(
        query.where(Rater.name == rater, Assignment.recording_key == recording, Assignment.repeat == 0)
    ).one()


def tasks_of(session: Session, rater: str) -> list[Task]:
    """What a rater has been given, in order."""
    rows = session.execute(
        select(Assignment, _scored())
        .join(Assignment.rater)
        .where(Rater.name == rater)
        .order_by(Assignment.place, Assignment.id)
    )
    return [Task(row, scored, len(wanted_items(row.scales))) for row, scored in rows]


def unassigned(session: Session, rater: str, limit: int) -> Sequence[Recording]:
    """Recordings that a rater may take up, the newest first."""
    has = exists().where(
        Assignment.recording_key == Recording.id, Assignment.rater_key == Rater.id, Rater.name == rater
    )
    query = select(Recording).where(can_be_scored(), ~has).order_by(Recording.id.desc()).limit(limit)
    return session.scalars(query).all()


def find(session: Session, rater: str, assignment_id: int, *, lock: bool = False) -> Assignment | None:
    """A rater's own assignment with its recording; None if it is nobody's or another's."""
    query = (
        select(Assignment)
        .join(Assignment.rater)
        .where(Assignment.id == assignment_id, Rater.name == rater)
        .options(joinedload(Assignment.recording), joinedload(Assignment.rater))
    )
    return session.scalar(query.with_for_update(of=Assignment) if lock else query)


def finish(session: Session, by: Actor, assignment: Assignment, *, finished: bool) -> None:
    """Say that an assignment is done, or open it again."""
    assignment.finished_at = func.clock_timestamp() if finished else None
    audit.record(
        session,
        by,
        AuditEventKind.ANNOTATION_SAVED,
        recording=assignment.recording_key,
        patient=assignment.recording.patient_key,
        change="finished" if finished else "opened again",
    )


def progress(session: Session) -> list[Progress]:
    """How far each rater is who was given something, by name."""
    scored = _scored()
    query = (
        select(
            Rater.name,
            func.count(),
            func.count().filter(scored > 0),
            func.count(Assignment.finished_at),
            func.max(Assignment.finished_at),
        )
        .join(Assignment, Assignment.rater_key == Rater.id)
        .group_by(Rater.name)
        .order_by(Rater.name)
    )
    return [Progress(*row) for row in session.execute(query)]


def _scored() -> ColumnElement[int]:
    """How many items of an assignment have a score."""
    return (
        select(func.count(AnnotationScore.id))
        .join(Annotation, Annotation.id == AnnotationScore.annotation_key)
        .where(
            Annotation.rater_key == Assignment.rater_key,
            Annotation.recording_key == Assignment.recording_key,
            Annotation.repeat == Assignment.repeat,
            Assignment.scales.has_key(Annotation.scale),
            AnnotationScore.item.not_in(_OPTIONAL),
        )
        .correlate(Assignment)
        .scalar_subquery()
    )


_OPTIONAL = [item.id for scale in SCALES.values() for item in scale.items if item.optional]


def _once(recordings: Sequence[int]) -> list[tuple[int, int]]:
    return [(recording, 0) for recording in recordings]


def _order(recordings: Sequence[int], repeats: int) -> list[tuple[int, int]]:
    """Recordings in an order by chance, ``repeats`` of them once more, by chance and not soon after."""
    chance = secrets.SystemRandom()
    order = _once(chance.sample(recordings, len(recordings)))
    for recording in chance.sample(recordings, repeats):
        first = order.index((recording, 0))
        order.insert(chance.randint(min(first + 1 + REPEAT_AFTER, len(order)), len(order)), (recording, 1))
    return order
