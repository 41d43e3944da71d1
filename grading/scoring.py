"""From maps to scores: what a bundle says of recordings, once their photos have been through the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grading.bundle import Bundle
from grading.maps import Cases, Maps
from grading.scales import find_item, sub_scores
from grading.uncertainty import Uncertainty, by_score, interval


@dataclass(frozen=True)
class Scored:
    """One recording's result.

    ``scores`` by item id in points, within each item's range; ``raw`` before that. ``intervals`` are 90 %
    prediction intervals by item id, ``sub_intervals`` those of the folded sub-scores by theirs, both wider
    the more the recording is unlike the training data. ``side`` is the affected side that was assumed (`R`,
    `L`, None where the model does not ask); ``side_estimated`` says that no record told it. ``novelty`` is
    the distance to the training data, above 1 unlike it.
    """

    scores: dict[str, float]
    raw: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    sub_intervals: dict[str, tuple[float, float]]
    side: str | None
    side_estimated: bool
    novelty: float

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader must know: `clipped.M4`, `side.estimated`, `recording.unlike_training`."""
        clipped = [f"clipped.{item}" for item, score in self.raw.items() if score != self.scores[item]]
        notes = [("side.estimated", self.side_estimated), ("recording.unlike_training", self.novelty > 1)]
        return (*clipped, *(flag for flag, raised in notes if raised))


def score_maps(bundle: Bundle, maps: Maps, sides: Sequence[str | None]) -> list[Scored]:
    """Score recordings with their affected sides (`R`, `L`, None where the record does not tell it).

    Raises ValueError where there are not as many sides as recordings.
    """
    if len(sides) != len(maps):
        raise ValueError(f"{len(sides)} sides do not fit {len(maps)} recordings")
    rows = np.arange(len(maps))
    assumed: list[str | None] = list(sides)
    if bundle.side is not None:
        upright = Cases(rows, np.zeros(len(maps), dtype=np.bool_))
        told = bundle.side.score(bundle.recipe.side, maps, upright)
        assumed = [side or ("L" if left else "R") for side, left in zip(sides, told > 0, strict=True)]
    cases = Cases(rows, np.array([side == "L" for side in assumed], dtype=np.bool_))
    raw = {head.item: head.score(bundle.recipe.blocks[head.item], maps, cases) for head in bundle.heads}
    novelty = bundle.novelty.distance(maps)
    known = by_score(bundle.uncertainties)
    return [
        _scored(
            {item: float(scores[row]) for item, scores in raw.items()},
            known,
            assumed[row] if bundle.side else None,
            bundle.side is not None and sides[row] is None,
            float(novelty[row]),
        )
        for row in range(len(maps))
    ]


def _scored(
    raw: dict[str, float], known: Mapping[str, Uncertainty], side: str | None, estimated: bool, novelty: float
) -> Scored:
    widened = max(1.0, novelty)
    scores = {}
    intervals = {}
    for item_id, score in raw.items():
        item = find_item(item_id)
        scores[item_id] = clipped = min(max(score, item.low), item.high)
        if item_id in known:
            half_width = known[item_id].half_width * widened
            intervals[item_id] = interval(clipped, half_width, item.low, item.high)
    sub_intervals = {
        one.id: interval(one.value, known[one.id].half_width * widened, one.low, one.high)
        for one in sub_scores(scores)
        if one.formula == "folded" and one.id in known
    }
    return Scored(scores, raw, intervals, sub_intervals, side, estimated, novelty)
