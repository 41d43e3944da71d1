"""Raters' scores of recordings: kept, corrected, and taken in from tables."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from grading.errors import PermanentError
from grading.scales import SCALES, ScoreError, scale_of
from service.records.changes import note_change
from service.records.importing import Added, ColumnError, Note, Table
from service.records.models import Annotation, AnnotationScore, Rater, Recording
from service.tables import Column, Row


class AnnotationError(PermanentError):
    """A rater's scores cannot be kept as they are."""

    code = "annotation.scores"


def save_annotation(
    session: Session,
    recording_id: int,
    rater: str,
    scores: Mapping[str, float],
    note: str = "",
    by: str = "",
) -> Annotation:
    """Keep the scores that a rater gave a recording on one scale, in place of earlier ones if there are.

    ``scores`` are in points by item id; all items are of one scale, and those that the rater left out are
    unknown. Earlier scores are kept among the patient's changes, with ``by``, who replaced them.

    Raises:
        AnnotationError: the rater is not named or the name is too long, there is no such recording, no score
            is given, items are of several scales, or an item does not take its score.
    """
    scale = scale_of_scores(rater, scores)
    recording = session.get(Recording, recording_id)
    if recording is None:
        raise AnnotationError(f"there is no recording {recording_id}: see 'facialis recordings list'")
    known = find_annotation(session, recording_id, rater, scale)
    if known is None:
        known = Annotation(
            recording_key=recording_id, rater_key=_rater(session, rater.strip()), scale=scale, note=note
        )
        session.add(known)
    else:
        before, after = scores_given(known), dict(scores)
        if before == after and known.note == note:
            return known
        if recording.patient_key is not None:
            note_change(
                session,
                recording.patient_key,
                "corrected",
                ("annotation", known.id),
                {"rater": rater, "scale": scale, "note": known.note, "scores": before},
                {"rater": rater, "scale": scale, "note": note, "scores": after},
                by,
            )
        known.scores.clear()
        known.note = note
        session.flush()
    known.scores.extend(
        AnnotationScore(scale=scale, item=item, value=value) for item, value in scores.items()
    )
    session.flush()
    return known


def find_annotation(session: Session, recording_id: int, rater: str, scale: str) -> Annotation | None:
    """What the rater gave the recording on this scale."""
    return session.scalar(
        select(Annotation)
        .join(Rater)
        .where(
            Annotation.recording_key == recording_id,
            Rater.name == rater.strip(),
            Annotation.scale == scale,
            Annotation.repeat == 0,
        )
        .options(selectinload(Annotation.scores))
    )


def annotations_of(session: Session, recording_id: int) -> list[Annotation]:
    """Everything that raters gave the recording, by rater and scale."""
    query = (
        select(Annotation)
        .join(Rater)
        .where(Annotation.recording_key == recording_id, Annotation.repeat == 0)
        .order_by(Rater.name, Annotation.scale)
        .options(selectinload(Annotation.scores), selectinload(Annotation.rater))
    )
    return list(session.scalars(query))


def scores_given(annotation: Annotation) -> dict[str, float]:
    """Points by item id."""
    return {score.item: score.value for score in annotation.scores}


def scale_of_scores(rater: str, scores: Mapping[str, float]) -> str:
    """The scale that a rater's scores are of. Raises `AnnotationError` as `save_annotation` does."""
    if not rater.strip() or len(rater.strip()) > 100:
        raise AnnotationError("name the rater, in at most 100 characters")
    try:
        scales = {scale_of(item).id for item in scores}
        if len(scales) != 1:
            raise AnnotationError("give the scores of one scale at a time, one or more of them")
        (scale,) = scales
        SCALES[scale].check(scores)
    except ScoreError as error:
        raise AnnotationError(str(error)) from None
    return scale


def _rater(session: Session, name: str) -> int:
    session.execute(insert(Rater).values(name=name).on_conflict_do_nothing())
    return session.execute(select(Rater.id).where(Rater.name == name)).scalar_one()


def _record(session: Session, row: Row) -> tuple[Added, list[Note]]:
    cells = row.cells
    recording = session.scalar(
        select(Recording.id).where(
            Recording.id == int(cells["recording"])
            if cells["recording"].isdecimal() and len(cells["recording"]) < 19
            else Recording.series_uid == cells["recording"]
        )
    )
    if recording is None:
        raise ColumnError("recording", "is on record neither as a number nor as a series UID")
    given: dict[str, dict[str, float]] = {}
    for item in _ITEMS:
        if cells[item]:
            given.setdefault(scale_of(item).id, {})[item] = _number(item, cells[item])
    if not given:
        raise AnnotationError("the row has no score: fill in an item, or remove the row")
    added, notes = False, []
    for scale, scores in given.items():
        known = find_annotation(session, recording, cells["rater"], scale)
        if known is None:
            save_annotation(session, recording, cells["rater"], scores, cells["note"])
            added = True
        elif scores_given(known) != scores:
            differ = f"has other {scale} scores on record, which are kept: use 'facialis annotation add'"
            notes.append(("rater", differ))
    return added, notes


def _number(item: str, cell: str) -> float:
    try:
        score = float(cell.replace(",", "."))
        scale_of(item).check({item: score})
    except ValueError:
        raise ColumnError(item, "is no number") from None
    except ScoreError as error:
        raise ColumnError(item, f"{error}, or left empty if not known") from None
    return score


_ITEMS = [item.id for scale in SCALES.values() for item in scale.items]
ANNOTATIONS = Table(
    "annotations",
    (
        Column("recording", ("aufnahme", "series_uid"), required=True, longest=64),
        Column("rater", ("bewerter",), required=True, longest=100),
        Column("note", ("bemerkung", "notiz"), lines=True),
        *(Column(item, (item.casefold(),)) for item in _ITEMS),
    ),
    _record,
)
