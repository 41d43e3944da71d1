"""What is called improved, worse or measurement error, for every kind of score."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.change import Verdict, minimal_detectable_change, verdict
from grading.scales import SCALES, Item, ScoreError, find_item, fold

R1, M1, HB = find_item("R1"), find_item("M1"), find_item("HB")
OPPOSITE = {Verdict.IMPROVED: Verdict.WORSE, Verdict.WORSE: Verdict.IMPROVED}
ITEMS = [item for scale in SCALES.values() for item in scale.items]
limits = st.floats(0, 100)


@st.composite
def changes(draw: st.DrawFn, item: Item | None = None) -> tuple[float, float, Item]:
    item = item or draw(st.sampled_from(ITEMS))
    scores = st.floats(item.low, item.high)
    return draw(scores), draw(scores), item


@pytest.mark.parametrize(
    ("before", "after", "item", "expected"),
    [
        (60, 95, R1, Verdict.IMPROVED),
        (150, 110, R1, Verdict.IMPROVED),
        (60, 100, R1, Verdict.IMPROVED),
        (40, 110, R1, Verdict.IMPROVED),
        (95, 60, R1, Verdict.WORSE),
        (95, 140, R1, Verdict.WORSE),
        (60, 140, R1, Verdict.OTHER_SIDE),
        (80, 115, R1, Verdict.OTHER_SIDE),
        (95, 115, R1, Verdict.WITHIN_ERROR),
        (60, 90, R1, Verdict.WITHIN_ERROR),
        (40, 80, M1, Verdict.IMPROVED),
        (80, 40, M1, Verdict.WORSE),
        (40, 80, None, Verdict.IMPROVED),
        (80, 40, None, Verdict.WORSE),
        (70, 60, None, Verdict.WITHIN_ERROR),
    ],
)
def test_a_change_of_more_than_30_points_is_judged_by_the_distance_from_balanced(
    before: float, after: float, item: Item | None, expected: Verdict
) -> None:
    assert verdict(before, after, 30, item) is expected


def test_a_lower_grade_is_an_improvement_where_normal_is_the_lowest() -> None:
    assert verdict(5, 3, 1, HB) is Verdict.IMPROVED
    assert verdict(3, 5, 1, HB) is Verdict.WORSE
    assert verdict(5, 4, 1, HB) is Verdict.WITHIN_ERROR


@given(changes(), limits)
def test_a_change_within_the_limit_is_measurement_error(
    change: tuple[float, float, Item], mdc: float
) -> None:
    before, after, item = change
    found = verdict(before, after, mdc, item)
    if abs(after - before) <= mdc:
        assert found is Verdict.WITHIN_ERROR
    if found is Verdict.OTHER_SIDE:
        assert item.two_sided


@given(changes(), limits)
def test_the_way_back_is_judged_the_other_way_round(change: tuple[float, float, Item], mdc: float) -> None:
    before, after, item = change
    found = verdict(before, after, mdc, item)
    assert verdict(after, before, mdc, item) is OPPOSITE.get(found, found)


@given(st.integers(0, 200), st.integers(0, 200), limits)
def test_too_little_and_too_much_are_judged_alike(before: int, after: int, mdc: float) -> None:
    assert verdict(before, after, mdc, R1) is verdict(200 - before, 200 - after, mdc, R1)


@given(st.integers(0, 200), st.integers(0, 200), limits)
def test_an_item_improves_where_its_folded_score_does(before: int, after: int, mdc: float) -> None:
    one, other = (verdict(before, after, mdc, R1), verdict(fold(before), fold(after), mdc))
    assert (one is Verdict.IMPROVED) == (other is Verdict.IMPROVED)
    assert (one is Verdict.WORSE) == (other is Verdict.WORSE)


@given(changes(), limits, limits)
def test_a_larger_limit_never_makes_a_change_certain(
    change: tuple[float, float, Item], mdc: float, more: float
) -> None:
    before, after, item = change
    certain = (Verdict.IMPROVED, Verdict.WORSE)
    strict, loose = verdict(before, after, mdc + more, item), verdict(before, after, mdc, item)
    assert strict not in certain or strict is loose


@given(changes(), limits, st.floats(0, 1))
def test_ending_nearer_to_normal_is_never_judged_worse(
    change: tuple[float, float, Item], mdc: float, share: float
) -> None:
    before, after, item = change
    nearer = min(max(item.normal + share * (after - item.normal), item.low), item.high)
    if verdict(before, after, mdc, item) is Verdict.IMPROVED and abs(nearer - before) > mdc:
        assert verdict(before, nearer, mdc, item) is Verdict.IMPROVED
    if verdict(before, nearer, mdc, item) is Verdict.WORSE and abs(after - before) > mdc:
        assert verdict(before, after, mdc, item) is Verdict.WORSE


@given(changes())
def test_without_a_known_limit_nothing_is_said(change: tuple[float, float, Item]) -> None:
    before, after, item = change
    assert verdict(before, after, None, item) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("before", "after", "item"),
    [(-1, 50, M1), (50, 101, M1), (math.nan, 50, M1), (50, math.inf, R1), (50, 101, None), (0, 3, HB)],
)
@pytest.mark.parametrize("mdc", [10, None])
def test_a_score_out_of_range_is_refused(
    before: float, after: float, item: Item | None, mdc: float | None
) -> None:
    with pytest.raises(ScoreError, match="must be between"):
        verdict(before, after, mdc, item)


@pytest.mark.parametrize("mdc", [-1.0, math.nan, math.inf])
def test_a_limit_that_is_none_is_refused(mdc: float) -> None:
    with pytest.raises(ValueError, match="mdc must be finite"):
        verdict(50, 60, mdc, M1)


def test_errors_alone_exceed_the_detectable_change_in_one_pair_of_twenty() -> None:
    rng = np.random.default_rng(0)
    mdc = minimal_detectable_change(rng.normal(3, 28, 5000))
    assert mdc == pytest.approx(2.77 * 28, rel=0.03)
    visits = rng.normal(3, 28, (20000, 2))
    assert (np.abs(visits[:, 0] - visits[:, 1]) > mdc).mean() == pytest.approx(0.05, abs=0.01)


def test_a_constant_bias_does_not_count() -> None:
    residuals = [3.0, -4.0, 10.0, 0.0]
    shifted = [residual + 50 for residual in residuals]
    assert minimal_detectable_change(shifted) == pytest.approx(minimal_detectable_change(residuals))


def test_every_person_weighs_the_same() -> None:
    residuals, persons = [3.0, -4.0, 10.0, 0.0], ["a", "b", "c", "d"]
    plain = minimal_detectable_change(residuals)
    assert minimal_detectable_change(residuals, persons) == pytest.approx(plain)
    # the person with the large error does not decide the figure by being photographed often
    often = minimal_detectable_change([*residuals, *[10.0] * 50], [*persons, *["c"] * 50])
    assert often == pytest.approx(plain, rel=0.15)


def test_the_figure_for_persons_estimates_the_same_spread() -> None:
    rng = np.random.default_rng(4)
    persons = [f"P{person}" for person in range(400) for _ in range(random.Random(person).randint(1, 6))]
    found = [minimal_detectable_change(rng.normal(0, 10, len(persons)), persons) for _ in range(50)]
    assert np.mean(found) == pytest.approx(27.7, rel=0.02)


@pytest.mark.parametrize(
    ("residuals", "persons", "fault"),
    [
        ([1.0], None, "two or more"),
        ([], None, "two or more"),
        ([1.0, 2.0], ["a", "a"], "two or more"),
        ([1.0, 2.0], ["a"], "do not fit"),
        ([1.0, math.nan], None, "finite"),
        ([[1.0, 2.0]], None, "one dimension"),
    ],
)
def test_residuals_that_tell_no_spread_are_refused(
    residuals: list[float], persons: list[str] | None, fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        minimal_detectable_change(residuals, persons)
