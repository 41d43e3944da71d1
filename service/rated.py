"""What clinicians made of a recording, as its report shows it: their scores come before the model's."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from grading.scales import EFACE, SCALES, sub_scores
from reports.content import ReportRating
from service.records.models import Annotation, SettledScore
from service.records.ratings import counts

MAIN_SCORES = {"house-brackmann": "HB", "sunnybrook": "composite", "stennert": "total"}
"""Of each other scale the item or derived score that sums it up."""


@dataclass(frozen=True)
class Rated:
    """eFACE scores by item id, of several raters the mean; who gave them; results on other scales.

    A settled score stands instead of the mean. What a rater has not finished, or gave again, is not in it.
    """

    items: Mapping[str, float]
    raters: tuple[str, ...]
    others: tuple[ReportRating, ...]


def rated(session: Session, recording_id: int, until: dt.datetime) -> Rated:
    """What raters had given by a moment: that of the document, so that writing it again says the same."""
    query = (
        select(Annotation)
        .where(
            Annotation.recording_key == recording_id,
            Annotation.rated_at <= until,
            Annotation.repeat == 0,
            counts(),
        )
        .order_by(Annotation.id)
        .options(selectinload(Annotation.scores), selectinload(Annotation.rater))
    )
    given: dict[str, list[float]] = defaultdict(list)
    raters, others = [], []
    for annotation in session.scalars(query):
        scores = {row.item: row.value for row in annotation.scores}
        if annotation.scale != EFACE.id:
            others.append(_other(annotation.scale, scores, annotation.rater.name))
            continue
        raters.append(annotation.rater.name)
        for item, value in scores.items():
            given[item].append(value)
    settled = select(SettledScore).where(
        SettledScore.recording_key == recording_id,
        SettledScore.settled_at <= until,
        SettledScore.scale == EFACE.id,
    )
    items = {item: fmean(values) for item, values in given.items()}
    items |= {row.item: row.value for row in session.scalars(settled)}
    return Rated(items, tuple(raters), tuple(others))


def _other(scale: str, scores: Mapping[str, float], rater: str) -> ReportRating:
    """A result on another scale; its value is None where not all that it takes was scored."""
    known = dict(scores) | {one.id: one.value for one in sub_scores(scores)}
    return ReportRating(scale, SCALES[scale].name, rater, known.get(MAIN_SCORES[scale]))
