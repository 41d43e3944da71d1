"""What is said of a grading's scores beside their values: intervals, and whether a change is real."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grading.change import verdict
from grading.scales import Item, SubScore, find_item, sub_scores
from service.records.gradings import intervals_of, scores_of
from service.records.models import Grading

FOLDED = "folded"
"""The formula whose sub-scores have an interval and a verdict."""


@dataclass(frozen=True)
class Assessed:
    """What is known of one score.

    ``first`` is the same score of the patient's first recording, None where there is none; ``verdict`` judges
    the change since then in words. ``interval``: 90 % prediction interval. ``mdc``: minimal detectable
    change. All in points; None where not known.
    """

    first: float | None = None
    interval: tuple[float, float] | None = None
    mdc: float | None = None
    verdict: str | None = None


def assess_items(grading: Grading, first: Grading | None) -> dict[str, Assessed]:
    """By item id, for every item of ``grading``; ``first`` is that of the recording to compare with."""
    earlier = scores_of(first) if first else {}
    return {
        item.item: _assessed(grading, item.item, item.value, earlier.get(item.item), find_item(item.item))
        for item in grading.items
    }


def assess_sub_scores(grading: Grading, first: Grading | None) -> list[tuple[SubScore, Assessed]]:
    """The sub-scores of ``grading``, each with what is known of it."""
    earlier = {(one.id, one.formula): one.value for one in sub_scores(scores_of(first) if first else {})}
    found = []
    for score in sub_scores(scores_of(grading)):
        before = earlier.get((score.id, score.formula))
        folded = score.formula == FOLDED
        known = _assessed(grading, score.id, score.value, before) if folded else Assessed(before)
        found.append((score, known))
    return found


def _assessed(
    grading: Grading, name: str, value: float, first: float | None, item: Item | None = None
) -> Assessed:
    mdc = detectable(grading.bundle.manifest).get(name)
    said = None if first is None else verdict(first, value, mdc, item).value
    return Assessed(first, intervals_of(grading).get(name), mdc, said)


def detectable(manifest: Mapping[str, Any]) -> dict[str, float]:
    """By item id, and by the id of the folded sub-scores, the minimal detectable change in points."""
    # bundles of the first format, whose gradings may still lie in the records, had none
    return {one["score"]: one["mdc"] for one in manifest.get("uncertainties", ())}
