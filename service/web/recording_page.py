"""One recording's page: photos, scores, and what happened to it."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from grading.protocols import PROTOCOLS, Pose
from grading.scales import PREDICTED_ITEMS, Item, SubScore
from service.assessing import FOLDED, Assessed, assess_items, assess_sub_scores
from service.records.gradings import active_grading, first_grading, scores_of
from service.records.history import reports_of
from service.records.models import Grading, Photo, Recording, Report
from service.reporting import known_errors, recorded_on
from service.web.chart import Bar, score_bar
from service.web.words import timepoint


@dataclass(frozen=True)
class PhotoCell:
    """A place of the series: its pose, unless that is unknown, and its photo, unless that is missing."""

    pose: Pose | None
    photo: Photo | None


@dataclass(frozen=True)
class GradingRow:
    """One of the recording's gradings with its folded sub-scores."""

    grading: Grading
    folded: dict[str, float]


@dataclass(frozen=True)
class ItemRow:
    """One graded item; ``change`` in points since the first recording, ``error`` the model's mean error.

    The bar shows the interval of ``known``.
    """

    item: Item
    photo_number: int | None
    value: float
    direction: str
    change: int | None
    error: float | None
    known: Assessed
    bar: Bar


@dataclass(frozen=True)
class DerivedRow:
    """A sub-score with its change since the first recording and what else is known of it."""

    score: SubScore
    change: int | None
    known: Assessed


@dataclass(frozen=True)
class Scores:
    """What a grading says; the changes refer to the recording of ``first_on``."""

    grading: Grading
    commissioning: bool
    first_on: dt.date | None
    items: tuple[ItemRow, ...]
    folded: tuple[DerivedRow, ...]
    plain: tuple[DerivedRow, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class RecordingPage:
    """Everything on the page; ``report`` is that of the scores shown, ``reports`` are all."""

    recording: Recording
    on: dt.date
    timepoint: str | None
    protocol: str
    photos: tuple[PhotoCell, ...]
    scores: Scores | None
    report: Report | None
    reports: tuple[Report, ...]
    gradings: tuple[GradingRow, ...]

    @property
    def to_be_signed(self) -> bool:
        """Whether the report of the scores shown is written and not signed off yet."""
        return self.report is not None and self.scores is not None and self.scores.grading.sign_off is None

    @property
    def commissioning(self) -> bool:
        """Whether scores of a commissioning bundle are shown."""
        return self.scores is not None and self.scores.commissioning


def make_recording_page(session: Session, recording: Recording) -> RecordingPage:
    """The page of a recording loaded by `service.records.history.recording_in_full`."""
    grading = active_grading(session, recording.id)
    reports = tuple(reports_of(session, recording.id))
    return RecordingPage(
        recording=recording,
        on=recorded_on(recording),
        timepoint=timepoint(recording),
        protocol=PROTOCOLS[recording.protocol].name,
        photos=_photo_cells(recording),
        scores=_scores(session, recording, grading) if grading else None,
        report=next(
            (row for row in reports if grading and row.grading_key == grading.id and row.kind == "pdf"), None
        ),
        reports=reports,
        gradings=tuple(
            GradingRow(one, {row.name: row.value for row in one.sub_scores if row.formula == FOLDED})
            for one in reversed(recording.gradings)
        ),
    )


def _photo_cells(recording: Recording) -> tuple[PhotoCell, ...]:
    """The poses in their order, each with its photos or a gap; photos of no known pose at the end."""
    poses = PROTOCOLS[recording.protocol].poses
    cells = []
    for pose in poses:
        photos = [PhotoCell(pose, photo) for photo in recording.photos if photo.pose == pose.code]
        cells += photos or [PhotoCell(pose, None)]
    known = {pose.code for pose in poses}
    return *cells, *(PhotoCell(None, photo) for photo in recording.photos if photo.pose not in known)


def _scores(session: Session, recording: Recording, grading: Grading) -> Scores:
    first = first_grading(session, recording, grading.bundle_key)
    scores, assessed = scores_of(grading), assess_items(grading, first)
    errors = known_errors(grading.bundle.manifest)
    poses = PROTOCOLS[recording.protocol].by_code
    derived = [
        DerivedRow(score, _change(score.value, known.first), known)
        for score, known in assess_sub_scores(grading, first)
    ]
    return Scores(
        grading=grading,
        commissioning=grading.bundle.manifest["commissioning"],
        first_on=recorded_on(first.recording) if first else None,
        items=tuple(
            ItemRow(
                item,
                poses[item.pose].number if item.pose in poses else None,
                scores[item.id],
                item.direction(scores[item.id]),
                _change(scores[item.id], assessed[item.id].first),
                errors.get(item.id),
                assessed[item.id],
                score_bar(scores[item.id], item.high, assessed[item.id].interval),
            )
            for item in PREDICTED_ITEMS
            if item.id in scores
        ),
        folded=tuple(row for row in derived if row.score.formula == "folded"),
        plain=tuple(row for row in derived if row.score.formula != "folded"),
        flags=tuple(grading.flags),
    )


def _change(value: float, first: float | None) -> int | None:
    """In whole points, between the values as they are printed, so that a reader can check it."""
    return None if first is None else round(value) - round(first)
