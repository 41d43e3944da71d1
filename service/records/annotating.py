"""One rater's scores of one assignment: read, and saved one by one as they are given."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from grading.scales import SCALES, ScoreError, SubScore, derived, find_item, scale_of
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import Annotation, AnnotationScore, Assignment, Rater
from service.records.ratings import counts


class ScoreNotTakenError(PermanentError):
    """A score is not one that the assignment asks for or its item takes."""

    code = "annotation.not_taken"


class ScoreChangedError(PermanentError):
    """The score was changed elsewhere since it was last seen; ``value`` is what it is now."""

    code = "annotation.changed"

    def __init__(self, value: float | None) -> None:
        super().__init__("this score was changed elsewhere in the meantime: look at it and decide again")
        self.value = value


@dataclass(frozen=True)
class OtherScores:
    """What an item got otherwise: of the model, None if nothing, and of other raters by name."""

    model: float | None
    raters: Mapping[str, float]


def given_scores(session: Session, assignment: Assignment) -> dict[str, float]:
    """The rater's scores so far, by item id."""
    rows = session.execute(
        select(AnnotationScore.item, AnnotationScore.value)
        .join(Annotation, Annotation.id == AnnotationScore.annotation_key)
        .where(
            Annotation.recording_key == assignment.recording_key,
            Annotation.rater_key == assignment.rater_key,
            Annotation.repeat == assignment.repeat,
            Annotation.scale.in_(assignment.scales),
        )
    )
    return {row.item: row.value for row in rows}


def save_score(
    session: Session,
    by: Actor,
    assignment: Assignment,
    item_id: str,
    value: float | None,
    was: float | None,
) -> None:
    """Give one item a score, or take it back with None. The assignment is to be locked.

    ``was`` is what whoever changes it last saw: a change that arrives late, from a computer that was away,
    must not undo a newer one. The same change once more is no change.

    Raises:
        ScoreNotTakenError: the assignment is finished or does not ask for the item, which may not take it.
        ScoreChangedError: the score is neither what was last seen nor what it shall become.
    """
    scale = _scale(assignment, item_id, value)
    known = given_scores(session, assignment).get(item_id)
    if known == value:
        return
    if known != was:
        raise ScoreChangedError(known)
    annotation = _annotation(session, assignment, scale)
    if value is None:
        session.execute(
            delete(AnnotationScore).where(
                AnnotationScore.annotation_key == annotation, AnnotationScore.item == item_id
            )
        )
        if not session.scalar(
            select(func.count()).where(AnnotationScore.annotation_key == annotation)
        ):  # nothing is left that would count as a rater's opinion
            session.execute(delete(Annotation).where(Annotation.id == annotation))
    else:
        row = {"annotation_key": annotation, "scale": scale, "item": item_id, "value": value}
        session.execute(
            insert(AnnotationScore)
            .values(row)
            .on_conflict_do_update(index_elements=["annotation_key", "item"], set_={"value": value})
        )
    audit.record(
        session,
        by,
        AuditEventKind.ANNOTATION_SAVED,
        patient=assignment.recording.patient_key,
        recording=assignment.recording_key,
        item=item_id,
        value=value,
        again=bool(assignment.repeat) or None,
    )


def derived_scores(scales: list[str], scores: Mapping[str, float]) -> tuple[SubScore, ...]:
    """The derived scores that an assignment's own scores allow so far, of the formulas that are confirmed."""
    found = []
    for scale in scales:
        own = {item: score for item, score in scores.items() if scale_of(item).id == scale}
        found += [one for one in derived(SCALES[scale], own) if _shown(scale, one)]
    return tuple(found)


def _shown(scale: str, score: SubScore) -> bool:
    """Of eFACE the folded sub-scores, of other scales everything."""
    return scale != "eface" or score.formula == "folded"


def others(session: Session, assignment: Assignment, model: Mapping[str, float]) -> dict[str, OtherScores]:
    """By item id what the model (its scores by item id) and other raters gave the recording."""
    rows = session.execute(
        select(AnnotationScore.item, Rater.name, AnnotationScore.value)
        .join(Annotation, Annotation.id == AnnotationScore.annotation_key)
        .join(Rater, Rater.id == Annotation.rater_key)
        .where(
            Annotation.recording_key == assignment.recording_key,
            Annotation.rater_key != assignment.rater_key,
            Annotation.repeat == 0,
            counts(),
        )
        .order_by(Rater.name)
    )
    raters: dict[str, dict[str, float]] = {}
    for item, name, value in rows:
        raters.setdefault(item, {})[name] = value
    items = [item.id for scale in assignment.scales for item in SCALES[scale].items]
    return {item: OtherScores(model.get(item), raters.get(item, {})) for item in items}


def _scale(assignment: Assignment, item_id: str, value: float | None) -> str:
    try:
        scale = scale_of(item_id)
        if value is not None:
            scale.check({item_id: value})
    except ScoreError as error:
        raise ScoreNotTakenError(f"{error}") from None
    if scale.id not in assignment.scales:
        raise ScoreNotTakenError(
            f"{find_item(item_id).name} is not asked for here: choose one of the items shown"
        )
    if assignment.finished_at is not None:
        raise ScoreNotTakenError("this recording is finished: open it again to change a score")
    return scale.id


def _annotation(session: Session, assignment: Assignment, scale: str) -> int:
    """The number of the annotation that the scores of a scale belong to, made if need be; its time is now."""
    key = {
        "recording_key": assignment.recording_key,
        "rater_key": assignment.rater_key,
        "repeat": assignment.repeat,
        "scale": scale,
    }
    session.execute(insert(Annotation).values(key).on_conflict_do_nothing())
    touched = update(Annotation).filter_by(**key).values(rated_at=func.clock_timestamp())
    return session.scalars(touched.returning(Annotation.id)).one()
