"""Scales: which scores they take, and what is derived from them."""

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.protocols import JENA9, PROTOCOLS
from grading.scales import (
    DYNAMIC_ITEMS,
    EFACE,
    GRADES,
    HOUSE_BRACKMANN,
    PREDICTED_ITEMS,
    SCALES,
    STATIC_ITEMS,
    STENNERT,
    SUNNYBROOK,
    Item,
    Scale,
    ScoreError,
    derived,
    find_item,
    fold,
    scale_of,
    sub_scores,
)

ITEMS = [item for scale in SCALES.values() for item in scale.items]
PAGE = (Path(__file__).parents[2] / "docs" / "scales.md").read_text()


def values(scale: Scale, scores: dict[str, float]) -> dict[tuple[str, str], float]:
    return {(score.formula, score.id): score.value for score in derived(scale, scores)}


def normal(scale: Scale) -> dict[str, float]:
    return {item.id: item.normal for item in scale.items}


def allowed(item: Item) -> st.SearchStrategy[float]:
    if item.ordinal:
        return st.sampled_from([option.value for option in item.options])
    return st.floats(item.low, item.high)


def complete(scale: Scale) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({item.id: allowed(item) for item in scale.items})


# items


def test_an_item_is_found_by_its_id_and_knows_its_scale() -> None:
    for scale in SCALES.values():
        for item in scale.items:
            assert find_item(item.id) is item
            assert scale_of(item.id) is scale
    with pytest.raises(ScoreError, match="Z9"):
        find_item("Z9")


def test_a_table_of_labels_can_hold_every_item_in_a_column_of_its_own() -> None:
    ids = [item.id for item in ITEMS]
    assert len(set(ids)) == len(ids)
    assert all(item_id.isalnum() and len(item_id) <= 8 for item_id in ids)


@pytest.mark.parametrize(
    ("scale", "count"), [(EFACE, 16), (HOUSE_BRACKMANN, 5), (SUNNYBROOK, 13), (STENNERT, 10)]
)
def test_a_scale_has_all_its_items(scale: Scale, count: int) -> None:
    assert len(scale.items) == count


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_an_item_takes_a_normal_face_and_both_ends_of_its_range(item: Item) -> None:
    for score in (item.low, item.normal, item.high):
        assert item.allows(score)
    assert not item.allows(math.nextafter(item.low, -math.inf))
    assert not item.allows(math.nextafter(item.high, math.inf))


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_an_items_main_photo_is_in_the_jena_protocol_and_the_others_are_in_one(item: Item) -> None:
    known = {code for protocol in PROTOCOLS.values() for code in protocol.by_code}
    assert set(item.poses) <= known
    assert item.pose is None or item.pose in JENA9.by_code


def test_every_item_but_the_synkinesis_of_eface_is_read_from_a_photo() -> None:
    assert [item.id for item in ITEMS if item.pose is None] == ["S1", "S2", "S3", "S4"]


def test_movement_that_is_judged_against_rest_names_the_photo_at_rest() -> None:
    for item in DYNAMIC_ITEMS[:4] + tuple(item for item in SUNNYBROOK.items if item.id.startswith("SBV")):
        assert "REST" in item.poses[1:]


def test_the_open_smile_of_sunnybrook_is_not_read_from_the_closed_one() -> None:
    for item_id in ("SBV3", "SBS3"):
        assert find_item(item_id).pose == "TEETH"
        assert "SMILE" not in find_item(item_id).poses


def test_options_of_the_same_points_are_told_apart_by_their_code() -> None:
    eye = find_item("SBR1")
    assert [code for code, option in eye.by_code.items() if option.value == 1] == [
        "narrow",
        "wide",
        "surgery",
    ]
    assert all(len(item.by_code) == len(item.options) for item in ITEMS)


def test_what_no_source_confirms_is_marked_provisional() -> None:
    assert all(item.provisional for item in STENNERT.items)
    assert all(option.provisional for item in STENNERT.items for option in item.options)
    steps = [option for item in SUNNYBROOK.items[3:] for option in item.options]
    assert steps
    assert all(option.provisional for option in steps)
    assert {item.id for item in PREDICTED_ITEMS if not item.provisional} == {"R1", "R2", "R5"}


@pytest.mark.parametrize(
    ("item_id", "score", "words"),
    [
        ("R2", 62, "wide"),
        ("R2", 104, "balanced"),
        ("R2", 150, "narrow"),
        ("M1", 20, "reduced"),
        ("M1", 100, "balanced"),
        ("HB", 4, "IV moderately severe"),
        ("SBR1", 1, "narrow or wide or eyelid surgery"),
        ("B4", 1, "no"),
    ],
)
def test_a_score_is_said_in_words(item_id: str, score: float, words: str) -> None:
    assert find_item(item_id).direction(score) == words


def test_two_sided_items_are_those_with_room_on_both_sides_of_normal() -> None:
    assert {item.id for item in ITEMS if item.two_sided} == {"R1", "R2", "R3", "R4", "R5", "M5", "M6"}


def test_a_house_brackmann_grade_says_what_is_found_in_each_region() -> None:
    assert [grade.numeral for grade in GRADES] == ["I", "II", "III", "IV", "V", "VI"]
    for grade in GRADES:
        words = find_item("HB").by_code[grade.numeral].words
        for region in (grade.gross, grade.rest, grade.forehead, grade.eye, grade.mouth):
            assert region in words
        assert find_item("HBE").by_code[grade.numeral].words == grade.eye
    assert [item.id for item in ITEMS if item.optional] == ["HBF", "HBE", "HBC", "HBM"]


# checking


@pytest.mark.parametrize(
    ("scale", "item_id", "score"),
    [
        (EFACE, "R1", 200.5),
        (EFACE, "M1", 100.5),
        (EFACE, "M1", -0.5),
        (EFACE, "R1", math.nan),
        (EFACE, "R1", math.inf),
        (EFACE, "R1", True),
        (EFACE, "R1", np.bool_(True)),
        (EFACE, "R1", "90"),
        (EFACE, "R1", None),
        (EFACE, "R1", 10**400),
        (HOUSE_BRACKMANN, "HB", 0),
        (HOUSE_BRACKMANN, "HB", 7),
        (HOUSE_BRACKMANN, "HB", 2.5),
        (HOUSE_BRACKMANN, "HB", True),
        (SUNNYBROOK, "SBR1", 2),
        (SUNNYBROOK, "SBV1", 0),
        (SUNNYBROOK, "SBS1", 4),
        (SUNNYBROOK, "SBS1", math.nan),
        (STENNERT, "T1", -math.inf),
        (STENNERT, "T1", False),
    ],
)
def test_a_score_that_an_item_does_not_take_is_refused_with_what_it_takes(
    scale: Scale, item_id: str, score: float
) -> None:
    with pytest.raises(ScoreError, match=f"^{item_id} must be ") as refused:
        scale.check(normal(scale) | {item_id: score})
    assert find_item(item_id).allowed in str(refused.value)
    with pytest.raises(ScoreError):
        derived(scale, {item_id: score})


def test_allowed_scores_are_named_once_each() -> None:
    assert find_item("R1").allowed == "between 0 and 200"
    assert find_item("SBR1").allowed == "one of 0, 1"
    assert find_item("SBR2").allowed == "one of 0, 1, 2"


def test_an_item_of_another_scale_is_refused() -> None:
    with pytest.raises(ScoreError, match="T1 is not an item of eFACE"):
        EFACE.check({"T1": 0})


@pytest.mark.parametrize("score", [np.float32(50), np.float64(50), np.int64(50), Fraction(50), 50])
def test_numbers_of_any_kind_are_taken(score: float) -> None:
    EFACE.check({"R1": score})
    assert values(EFACE, {item.id: score for item in STATIC_ITEMS})["raj", "static"] == 50


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.text(), st.none()))
def test_a_choice_takes_its_options_values_and_nothing_else(score: float) -> None:
    item = find_item("SBV1")
    assert item.allows(score) == (type(score) in (int, float) and score in (1, 2, 3, 4, 5))


# derived scores


def test_a_normal_face_has_the_best_derived_scores() -> None:
    assert set(values(EFACE, normal(EFACE)).values()) == {100.0}
    assert values(SUNNYBROOK, normal(SUNNYBROOK)) == {
        ("ross1996", "rest"): 0,
        ("ross1996", "voluntary"): 100,
        ("ross1996", "synkinesis"): 0,
        ("ross1996", "composite"): 100,
    }
    assert set(values(STENNERT, normal(STENNERT)).values()) == {0.0}
    assert set(values(HOUSE_BRACKMANN, normal(HOUSE_BRACKMANN)).values()) == {100.0}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@given(data=st.data())
def test_derived_scores_lie_in_their_bounds(scale: Scale, data: st.DataObject) -> None:
    scores = data.draw(complete(scale))
    found = derived(scale, scores)
    assert len(found) == len(scale.rules)
    for score in found:
        assert score.low <= score.value <= score.high


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_optional_items_are_not_needed_and_all_others_are(scale: Scale) -> None:
    needed = {item.id: item.normal for item in scale.items if not item.optional}
    assert derived(scale, needed) == derived(scale, normal(scale))
    for missing in needed:
        fewer = {item: score for item, score in needed.items() if item != missing}
        assert len(derived(scale, fewer)) < len(scale.rules)


@pytest.mark.parametrize(
    ("item", "score", "answer"),
    [("HB", 3.4, 3), ("HB", 3.5, 4), ("HB", 0.2, 1), ("SBV1", 2.5, 2), ("T1", 0.5, 1), ("M4", 31.7, 31.7)],
)
def test_a_score_is_shown_as_the_nearest_answer_of_two_the_worse(
    item: str, score: float, answer: float
) -> None:
    assert find_item(item).answer(score) == answer


@pytest.mark.parametrize(
    ("item", "bounds", "shown"),
    [
        ("HB", (1.6, 4.4), (2, 4)),
        ("HB", (3.2, 3.4), (3, 3)),
        ("HB", (3.2, 3.7), (3, 4)),
        ("M4", (3.2, 3.7), (3.2, 3.7)),
    ],
)
def test_an_interval_is_shown_as_the_answers_in_it(
    item: str, bounds: tuple[float, float], shown: tuple[float, float]
) -> None:
    assert find_item(item).answers_within(*bounds) == shown


def test_scores_are_derived_from_the_answers_that_predictions_come_nearest_to() -> None:
    found = {
        score.id: score.value for score in sub_scores({"SBR1": 0.4, "SBR2": 1.4, "SBR3": 0.6, "HB": 3.4})
    }
    assert found == {"rest": 10, "function_from": 51, "function_to": 75}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_nothing_is_derived_from_nothing(scale: Scale) -> None:
    assert derived(scale, {}) == ()


def test_folded_deviations_do_not_cancel_and_raw_ones_do() -> None:
    scores = dict(zip(("R1", "R2", "R3", "R4", "R5"), (150, 50, 100, 100, 80), strict=True))
    found = values(EFACE, scores)
    assert found["folded", "static"] == pytest.approx((50 + 50 + 100 + 100 + 80) / 5)
    assert found["raj", "static"] == pytest.approx((150 + 50 + 100 + 100 + 80) / 5)


@given(complete(EFACE))
def test_the_sub_scores_of_predicted_items_are_means_by_two_formulas(scores: dict[str, float]) -> None:
    expected = []
    for group, items in (("static", STATIC_ITEMS), ("dynamic", DYNAMIC_ITEMS)):
        raw = [scores[item.id] for item in items]
        expected.append((group, "folded", sum(map(fold, raw)) / len(raw), 100.0))
        expected.append((group, "raj", sum(raw) / len(raw), sum(item.high for item in items) / len(items)))
    found = [(score.id, score.formula, score.value, score.high) for score in sub_scores(scores)]
    for (*names, value, high), (*other, expected_value, expected_high) in zip(found, expected, strict=True):
        assert names == other
        assert (value, high) == pytest.approx((expected_value, expected_high))


def test_an_eface_total_needs_every_item_of_its_formula() -> None:
    scores = normal(EFACE)
    predicted = {item.id: item.normal for item in PREDICTED_ITEMS}
    assert not [score for score in derived(EFACE, predicted) if score.id == "total"]
    assert {formula for formula, part in values(EFACE, scores) if part == "total"} == {
        "banks2015",
        "autoeface2020",
        "emotricsplus2022",
    }
    without_s4 = {item: score for item, score in scores.items() if item != "S4"}
    assert ("banks2015", "total") not in values(EFACE, without_s4)
    assert ("autoeface2020", "total") in values(EFACE, without_s4)


def test_eface_totals_by_hand() -> None:
    """Static 50, dynamic 80, synkinesis 20 folded, by three groups of other sizes."""
    scores = normal(EFACE)
    scores |= {item.id: 150.0 for item in STATIC_ITEMS}
    scores |= {item.id: 80.0 for item in DYNAMIC_ITEMS}
    scores |= {f"S{number}": 20.0 for number in range(1, 5)}
    found = values(EFACE, scores)
    assert found["banks2015", "total"] == pytest.approx((50 + 2 * 80 + 20) / 4)
    assert found["autoeface2020", "total"] == pytest.approx((50 + 80 + 20) / 3)
    assert found["emotricsplus2022", "total"] == pytest.approx((4 * 50 + 5 * 80 + 20) / 10)


def test_each_eface_formula_uses_its_own_items() -> None:
    """A deviation of 60 points of one item moves a mean of n items by 60 / n, and no other score."""
    rest = normal(EFACE)
    for item, moved in {
        "R1": {
            "folded static": 5,
            "raj static": 5,
            "autoeface2020 static": 3,
            "emotricsplus2022 static": 4,
            "banks2015 total": 20,
            "autoeface2020 total": 9,
            "emotricsplus2022 total": 10,
        },
        "R3": {"folded static": 5, "raj static": 5, "banks2015 total": 20},
        "M5": {"folded dynamic": 7, "raj dynamic": 7, "banks2015 total": 14},
        "S2": {"folded synkinesis": 4, "raj synkinesis": 4, "banks2015 total": 16},
    }.items():
        found = values(EFACE, rest | {item: 40.0})
        assert {f"{formula} {part}": value for (formula, part), value in found.items() if value != 100} == {
            name: pytest.approx(100 - 60 / share) for name, share in moved.items()
        }


def sunnybrook(rest: tuple[float, float, float], voluntary: float, synkinesis: float) -> dict[str, float]:
    return (
        {f"SBR{number}": score for number, score in enumerate(rest, start=1)}
        | {f"SBV{number}": voluntary for number in range(1, 6)}
        | {f"SBS{number}": synkinesis for number in range(1, 6)}
    )


@pytest.mark.parametrize(
    ("scores", "parts"),
    [
        pytest.param(sunnybrook((1, 2, 1), 1, 0), (20, 20, 0, 0), id="complete flaccid palsy"),
        pytest.param(sunnybrook((1, 2, 1), 1, 3), (20, 20, 15, -15), id="the lowest, not clipped"),
        pytest.param(sunnybrook((1, 1, 0), 4, 1), (10, 80, 5, 65), id="residual palsy"),
    ],
)
def test_sunnybrook_by_hand(scores: dict[str, float], parts: tuple[float, ...]) -> None:
    found = derived(SUNNYBROOK, scores)
    assert tuple(score.value for score in found) == parts
    assert [(score.low, score.high) for score in found] == [(0, 20), (20, 100), (0, 15), (-15, 100)]


def test_stennert_counts_the_signs_at_rest_and_in_motion() -> None:
    found = derived(STENNERT, normal(STENNERT) | {"T1": 1, "T4": 1, "B2": 1})
    assert [(score.id, score.value, score.high) for score in found] == [
        ("rest", 2, 4),
        ("motion", 1, 6),
        ("total", 3, 10),
    ]
    assert all(score.provisional for score in found)


def test_the_function_that_grades_stand_for_falls_without_gap_or_overlap() -> None:
    ranges = []
    for grade in range(1, 7):
        found = values(HOUSE_BRACKMANN, {"HB": grade})
        ranges.append((found["hb-function", "function_from"], found["hb-function", "function_to"]))
    assert ranges[0] == (100, 100)
    assert ranges[-1] == (0, 0)
    for (above, _), (_, below) in pairwise(ranges):
        assert below == above - 1
    assert all(score.provisional for score in derived(HOUSE_BRACKMANN, {"HB": 3}))


# the page


@pytest.mark.parametrize(
    "name",
    [
        *SCALES,
        *(item.id for item in ITEMS),
        *(formula for scale in SCALES.values() for formula in scale.formulas),
    ],
)
def test_every_scale_item_and_formula_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_the_page_states_an_items_name_range_and_photos(item: Item) -> None:
    cells = [item.name, f"{item.low:g}–{item.high:g}", " ".join(item.poses) or "none"]
    assert f"| `{item.id}` | {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize("item", [item for item in ITEMS if item.ordinal], ids=lambda item: item.id)
def test_the_page_states_every_answer_with_its_points(item: Item) -> None:
    for option in item.options:
        assert f"{option.label} {option.value:g}" in PAGE
