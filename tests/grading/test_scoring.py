"""From maps to scores: which side is assumed, what is cut and flagged, and how wide the intervals are."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from grading.bundle import BackboneId, Bundle, Head
from grading.framing import PREPROCESSING
from grading.maps import Maps
from grading.novelty import Novelty
from grading.recipes import Block, Recipe
from grading.regression import Regression
from grading.scales import PREDICTED_ITEMS, find_item
from grading.scoring import Scored, score_maps
from grading.uncertainty import Uncertainty

AFFECTED = (Block("network", "affected", {"REST": 1.0}),)
SIDE = (Block("network", "difference", {"REST": 1.0}),)
HALF = 8.0
ONE = np.ones((1, 1, 1), dtype=np.float32)
ITEMS = [item.id for item in PREDICTED_ITEMS]


def bundle(**changes: object) -> Bundle:
    """Each item's score is 50 plus the affected side's only activation; the lower side is affected."""
    made = Bundle(
        name="test",
        version="1",
        created=date(2026, 5, 4),
        commissioning=True,
        protocol="jena9",
        backbone=BackboneId("none", "none", ""),
        recipe=Recipe("test", PREPROCESSING, dict.fromkeys(ITEMS, AFFECTED), Regression(), SIDE),
        training=(),
        folds=11,
        errors=(),
        uncertainties=tuple(Uncertainty(name, HALF, 0.9, 20.0, 80) for name in (*ITEMS, "static", "dynamic")),
        novelty=Novelty(np.zeros(1), np.ones(1), 100.0),
        side=Head("side", (ONE,), 0.0),
        side_right=0.9,
        heads=tuple(Head(item, (ONE,), 50.0) for item in ITEMS),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def score(right: float, left: float, side: str | None = None, **changes: object) -> Scored:
    maps = Maps(("REST",), np.array([right, left], dtype=np.float32).reshape(1, 1, 2, 1, 1, 1))
    return score_maps(bundle(**changes), maps, [side])[0]


@pytest.mark.parametrize(("side", "expected"), [("R", 40.0), ("L", 60.0)])
def test_the_side_of_the_record_is_taken_whatever_the_model_would_say(side: str, expected: float) -> None:
    scored = score(-10, 10, side)
    assert scored.scores["M1"] == expected
    assert (scored.side, scored.side_estimated) == (side, False)
    assert "side.estimated" not in scored.flags


@pytest.mark.parametrize(("right", "left", "told"), [(10, -10, "L"), (-10, 10, "R")])
def test_a_side_that_nobody_told_is_estimated_and_flagged(right: float, left: float, told: str) -> None:
    scored = score(right, left)
    assert (scored.side, scored.side_estimated) == (told, True)
    assert scored.scores["M1"] == 40.0
    assert "side.estimated" in scored.flags


def test_a_model_without_sides_assumes_none() -> None:
    whole = dict.fromkeys(ITEMS, (Block("network", "whole", {"REST": 1.0}),))
    recipe = Recipe("test", PREPROCESSING, whole, Regression())
    maps = Maps(("REST",), np.array([-10, 10], dtype=np.float32).reshape(1, 1, 2, 1, 1, 1))
    (scored,) = score_maps(bundle(side=None, recipe=recipe), maps, ["L"])
    assert (scored.side, scored.side_estimated) == (None, False)
    assert scored.scores["M1"] == 40.0


def test_a_score_beyond_its_range_is_cut_and_flagged_item_by_item() -> None:
    scored = score(90, 90, "R")
    assert scored.scores["M1"] == 100.0
    assert scored.scores["R1"] == scored.raw["R1"] == 140.0
    assert scored.raw["M1"] == 140.0
    assert "clipped.M1" in scored.flags
    assert "clipped.R1" not in scored.flags


def test_intervals_lie_around_the_score_within_its_range() -> None:
    scored = score(45, 45, "R")
    assert scored.intervals["R1"] == (95 - HALF, 95 + HALF)
    assert scored.intervals["M1"] == (95 - HALF, 100.0)
    assert scored.sub_intervals == {"static": (95 - HALF, 100.0), "dynamic": (95 - HALF, 100.0)}


def test_a_recording_unlike_the_training_data_has_wider_intervals_and_a_flag() -> None:
    near, far = (
        score(-20, -20, "R", novelty=Novelty(np.zeros(1), np.ones(1), limit)) for limit in (40.0, 10.0)
    )
    assert (near.novelty, far.novelty) == (0.5, 2.0)
    assert near.intervals["R1"] == (30 - HALF, 30 + HALF)
    assert far.intervals["R1"] == (30 - 2 * HALF, 30 + 2 * HALF)
    assert far.sub_intervals["static"] == (30 - 2 * HALF, 30 + 2 * HALF)
    assert "recording.unlike_training" in far.flags
    assert "recording.unlike_training" not in near.flags
    assert near.scores == far.scores


def test_what_was_never_measured_has_no_interval() -> None:
    scored = score(0, 0, "R", uncertainties=(Uncertainty("R1", HALF, 0.9, 20.0, 80),))
    assert scored.intervals.keys() == {"R1"}
    assert scored.sub_intervals == {}
    few = score(0, 0, "R", heads=bundle().heads[:3])
    assert few.intervals.keys() == set(ITEMS[:3])
    assert few.sub_intervals == {}


def test_recordings_are_scored_each_with_its_own_side() -> None:
    maps = Maps(("REST",), np.array([[-10, 10], [-10, 10], [10, -10]], np.float32).reshape(3, 1, 2, 1, 1, 1))
    scored = score_maps(bundle(), maps, ["L", None, None])
    assert [one.side for one in scored] == ["L", "R", "L"]
    assert [one.scores["M4"] for one in scored] == [60.0, 40.0, 40.0]
    with pytest.raises(ValueError, match="1 sides do not fit 3 recordings"):
        score_maps(bundle(), maps, ["L"])


def test_scores_of_every_item_lie_in_its_range() -> None:
    rng = np.random.default_rng(0)
    for right, left in rng.normal(0, 200, (50, 2)):
        for item_id, value in score(right, left).scores.items():
            assert find_item(item_id).allows(value)
