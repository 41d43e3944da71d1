"""Predicting all recordings of a cohort with a bundle."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.backbones import Backbone
from grading.bundle import Bundle
from grading.cohort import Cohort
from grading.features import Progress, UnusablePhoto, cohort_features
from grading.grader import check_backbone
from grading.regression import clip
from grading.scales import EFACE, PREDICTED_ITEMS


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

    Labels are not looked at. Raises `BackboneMismatchError`.
    """
    check_backbone(bundle, backbone)
    features = cohort_features(
        cohort, backbone, bundle.preprocessing, bundle.poses, cache=cache, progress=progress
    )
    scores = {
        head.item: clip(head.score(features.activations[head.pose]), EFACE.by_id[head.item])
        for head in bundle.heads
    }
    predictions = [
        Prediction(
            recording.subject,
            recording.session,
            {
                head.item: float(scores[head.item][number])
                for head in bundle.heads
                if features.usable[head.pose][number]
            },
        )
        for number, recording in enumerate(cohort.recordings)
    ]
    return predictions, features.unusable


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write a table with the columns subject, session and every predicted item, empty where left out."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["subject", "session", *(item.id for item in PREDICTED_ITEMS)])
        for row in predictions:
            scores = (row.scores.get(item.id) for item in PREDICTED_ITEMS)
            table.writerow(
                [row.subject, row.session, *("" if score is None else f"{score:.2f}" for score in scores)]
            )
