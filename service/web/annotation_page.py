"""What a rater sees of an assignment: the photos, the items with their limits, what is scored so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from grading.protocols import PROTOCOLS, Pose
from grading.scales import SCALES, Item, Scale, SubScore
from service.records.annotating import OtherScores, derived_scores, given_scores, others
from service.records.assignments import wanted_items
from service.records.gradings import active_grading, scores_of
from service.records.models import Assignment, Photo
from service.series import graded_photos

REST = "REST"


@dataclass(frozen=True)
class Choice:
    """An answer of an item: its points, its name, and at length."""

    value: float
    label: str
    words: str


@dataclass(frozen=True)
class Field:
    """An item to be scored; ``value`` is the rater's own so far, ``poses`` what it is judged by."""

    item: Item
    value: float | None
    poses: tuple[str, ...]
    choices: tuple[Choice, ...]
    others: OtherScores | None


@dataclass(frozen=True)
class Shown:
    """A pose of the series; ``photo`` is None where there is none to look at."""

    pose: Pose
    photo: Photo | None


@dataclass(frozen=True)
class AnnotationPage:
    """Everything on the page; ``number`` is its place among the rater's ``total``."""

    assignment: Assignment
    number: int
    total: int
    scales: tuple[tuple[Scale, tuple[Field, ...]], ...]
    photos: tuple[Shown, ...]
    scored: int
    wanted: int
    derived: tuple[SubScore, ...]
    following: int | None


def make_annotation_page(session: Session, assignment: Assignment, order: list[Assignment]) -> AnnotationPage:
    """The page of an assignment; ``order`` are all of the rater's."""
    recording = assignment.recording
    known = given_scores(session, assignment)
    photos = shown_photos(assignment)
    there = {one.pose.code for one in photos if one.photo}
    seen: Mapping[str, OtherScores] = {}
    if not assignment.blind:
        grading = active_grading(session, recording.id)
        seen = others(session, assignment, scores_of(grading) if grading else {})
    wanted = wanted_items(assignment.scales)
    places = [one.id for one in order]
    open_ones = [one.id for one in order if one.finished_at is None and one.id != assignment.id]
    later = [number for number in open_ones if places.index(number) > places.index(assignment.id)]
    return AnnotationPage(
        assignment=assignment,
        number=places.index(assignment.id) + 1,
        total=len(order),
        scales=tuple(
            (
                SCALES[scale],
                tuple(
                    _field(item, known.get(item.id), there, seen.get(item.id)) for item in SCALES[scale].items
                ),
            )
            for scale in assignment.scales
        ),
        photos=photos,
        scored=sum(item.id in known for item in wanted),
        wanted=len(wanted),
        derived=derived_scores(assignment.scales, known),
        following=next(iter([*later, *open_ones]), None),
    )


def shown_photos(assignment: Assignment) -> tuple[Shown, ...]:
    """The poses of the series in their order; of several photos of a pose the last that is prepared."""
    by_pose = {photo.pose: photo for photo in graded_photos(assignment.recording) if photo.view_key}
    return tuple(
        Shown(pose, by_pose.get(pose.code)) for pose in PROTOCOLS[assignment.recording.protocol].poses
    )


def _field(item: Item, value: float | None, there: set[str], seen: OtherScores | None) -> Field:
    # at rest first, so that a movement stands to the right of where it began
    poses = sorted((pose for pose in item.poses if pose in there), key=lambda pose: pose != REST)
    choices = (_choice(item, answer) for answer in item.answers)
    return Field(item, value, tuple(poses), tuple(choices), seen)


def _choice(item: Item, answer: float) -> Choice:
    words = "; ".join(option.words for option in item.options if option.value == answer and option.words)
    return Choice(answer, item.direction(answer), words)
