"""Predicting all recordings of a cohort with a bundle."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.backbones import Backbone
from grading.bundle import Bundle
from grading.cohort import Cohort
from grading.features import Progress, UnusablePhoto, cohort_maps
from grading.grader import check_backbone
from grading.scales import find_item
from grading.scoring import score_maps


@dataclass(frozen=True)
class Prediction:
    """Scores of one recording in points by item id; an item whose photo shows no clear face is left out."""

    subject: str
    session: str
    scores: Mapping[str, float]


def predict_cohort(
    bundle: Bundle,
    cohort: Cohort,
    backbone: Backbone,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> tuple[list[Prediction], tuple[UnusablePhoto, ...]]:
    """Predict every recording of a cohort, in its order, and name the photos that could not be used.

    Labels are not looked at; the affected side is taken where the cohort tells it. Raises
    `BackboneMismatchError`.
    """
    check_backbone(bundle, backbone)
    read = cohort_maps(cohort, backbone, bundle.recipe, cache=cache, progress=progress)
    scored = score_maps(bundle, read.maps, [recording.side for recording in cohort.recordings])
    places = {
        head.item: [bundle.poses.index(pose) for pose in bundle.recipe.needs(head.item)]
        for head in bundle.heads
    }
    predictions = [
        Prediction(
            recording.subject,
            recording.session,
            {item: score for item, score in one.scores.items() if usable[places[item]].all()},
        )
        for recording, one, usable in zip(cohort.recordings, scored, read.usable, strict=True)
    ]
    return predictions, read.unusable


def write_predictions(predictions: Sequence[Prediction], items: Sequence[str], path: Path) -> None:
    """Write a table with the columns subject, session and one per item id, empty where left out.

    An item answered by choice has its nearest answer there, so that the column is one of labels, and the
    score itself in a second column `<id>_unrounded`.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["subject", "session", *(name for item in items for name in _columns(item))])
        for row in predictions:
            cells = (cell for item in items for cell in _cells(item, row.scores.get(item)))
            table.writerow([row.subject, row.session, *cells])


def _columns(item_id: str) -> tuple[str, ...]:
    return (item_id, f"{item_id}_unrounded") if find_item(item_id).ordinal else (item_id,)


def _cells(item_id: str, score: float | None) -> tuple[str, ...]:
    item = find_item(item_id)
    if score is None:
        return ("",) * len(_columns(item_id))
    return (f"{item.answer(score):g}", f"{score:.2f}") if item.ordinal else (f"{score:.2f}",)
