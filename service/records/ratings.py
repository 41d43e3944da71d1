"""What raters made of recordings, all together: how far they agree, what was settled where they differ."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.annotations import Annotation as Ratings
from grading.scales import Item, find_item, scale_of
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import (
    Annotation,
    AnnotationScore,
    Assignment,
    Rater,
    Recording,
    SettledScore,
)

AGAIN = " (again)"
"""Behind a rater's name: what the rater gave the second time."""
WIDE = 0.2
"""Raters differ where their scores lie further apart than this share of the item's range."""


@dataclass(frozen=True)
class Difference:
    """An item of a recording with what each rater gave, in points, and what was settled, if anything."""

    item: Item
    given: Mapping[str, float]
    settled: float | None

    @property
    def spread(self) -> float:
        """From the lowest to the highest score, in points."""
        return max(self.given.values()) - min(self.given.values()) if self.given else 0.0

    @property
    def wide(self) -> bool:
        """Whether it should be settled; of two answers there is no near one."""
        return self.spread > WIDE * self.item.span


@dataclass(frozen=True)
class ToSettle:
    """A recording on which raters differ: on how many items, and how many of these are settled."""

    recording: int
    raters: tuple[str, ...]
    differing: int
    settled: int


def counts() -> ColumnElement[bool]:
    """Condition: the rater's work on the annotation's recording is not still going on."""
    return ~exists().where(
        Assignment.recording_key == Annotation.recording_key,
        Assignment.rater_key == Annotation.rater_key,
        Assignment.repeat == Annotation.repeat,
        Assignment.finished_at.is_(None),
    )


def subject_of(recording: Recording) -> str:
    """What a recording's patient is called where no name is to stand: by number of the record."""
    return f"P{recording.patient_key}" if recording.patient_key else f"U{recording.id}"


def all_ratings(session: Session, *, again: bool = False) -> list[Ratings]:
    """Every finished annotation, one per recording and rater, all scales together.

    Parameters:
        again: with what raters gave the second time, under their name and `AGAIN`.
    """
    query = (
        select(Recording, Rater.name, Annotation.repeat, AnnotationScore.item, AnnotationScore.value)
        .join(Annotation, Annotation.recording_key == Recording.id)
        .join(Rater, Rater.id == Annotation.rater_key)
        .join(AnnotationScore, AnnotationScore.annotation_key == Annotation.id)
        .where(counts())
        .order_by(Recording.id, Rater.name, Annotation.repeat)
    )
    if not again:
        query = query.where(Annotation.repeat == 0)
    found: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for recording, name, repeat, item, value in session.execute(query):
        rater = f"{name}{AGAIN}" if repeat else name
        found[subject_of(recording), str(recording.id), rater][item] = value
    return [Ratings(*key, scores) for key, scores in found.items()]


def differences(session: Session, recording_id: int) -> list[Difference]:
    """Every item of a recording that somebody scored, in the order of the scales."""
    given: dict[str, dict[str, float]] = defaultdict(dict)
    query = (
        select(AnnotationScore.item, Rater.name, AnnotationScore.value)
        .join(Annotation, Annotation.id == AnnotationScore.annotation_key)
        .join(Rater, Rater.id == Annotation.rater_key)
        .where(Annotation.recording_key == recording_id, Annotation.repeat == 0, counts())
        .order_by(Rater.name)
    )
    for item, name, value in session.execute(query):
        given[item][name] = value
    settled = settled_scores(session, [recording_id]).get(recording_id, {})
    found = [Difference(find_item(item), raters, settled.get(item)) for item, raters in given.items()]
    return sorted(found, key=lambda one: _place(one.item))


def to_settle(session: Session, ratings: Sequence[Ratings]) -> list[ToSettle]:
    """Recordings on which raters differ widely, those with the most unsettled items first."""
    by_recording: dict[int, list[Ratings]] = defaultdict(list)
    for one in ratings:
        by_recording[int(one.session)].append(one)
    settled = settled_scores(session, by_recording)
    found = []
    for recording, of_raters in by_recording.items():
        given: dict[str, dict[str, float]] = defaultdict(dict)
        for one in of_raters:
            for item, value in one.scores.items():
                given[item][one.rater] = value
        known = settled.get(recording, {})
        wide = [
            item
            for item, raters in given.items()
            if Difference(find_item(item), raters, known.get(item)).wide
        ]
        if wide:
            done = sum(item in known for item in wide)
            found.append(ToSettle(recording, tuple(one.rater for one in of_raters), len(wide), done))
    return sorted(found, key=lambda one: (one.settled - one.differing, one.recording))


def settled_scores(session: Session, recordings: Collection[int]) -> dict[int, dict[str, float]]:
    """The settled scores of recordings, by recording and item id."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for row in session.scalars(select(SettledScore).where(SettledScore.recording_key.in_(recordings))):
        found[row.recording_key][row.item] = row.value
    return found


def settle(session: Session, by: Actor, recording: Recording, scores: Mapping[str, float | None]) -> None:
    """Settle the scores of a recording's items; None takes a settled score back.

    Raises:
        ScoreError: an item does not take its score.
    """
    for item, value in scores.items():
        if value is not None:
            scale_of(item).check({item: value})
    known = settled_scores(session, [recording.id]).get(recording.id, {})
    for item, value in scores.items():
        if value == known.get(item):
            continue
        if value is None:
            session.execute(
                delete(SettledScore).where(
                    SettledScore.recording_key == recording.id, SettledScore.item == item
                )
            )
        else:
            row = {
                "recording_key": recording.id,
                "scale": scale_of(item).id,
                "item": item,
                "value": value,
                "settled_by": by.name,
            }
            new = {"value": value, "settled_by": by.name, "settled_at": func.clock_timestamp()}
            session.execute(
                insert(SettledScore)
                .values(row)
                .on_conflict_do_update(index_elements=["recording_key", "item"], set_=new)
            )
        audit.record(
            session,
            by,
            AuditEventKind.SCORE_SETTLED,
            patient=recording.patient_key,
            recording=recording.id,
            item=item,
            value=value,
        )


def _place(item: Item) -> tuple[str, int]:
    scale = scale_of(item.id)
    return scale.id, scale.items.index(item)
