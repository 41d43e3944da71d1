"""Single predictions of cross-validation are kept without saying whose they are."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading.held_out import HeldOut, held_out, restore_held_out, write_held_out
from grading.scales import STATIC_ITEMS
from tests.grading.validations import validated

STATIC = tuple(item.id for item in STATIC_ITEMS)


NONE = float("nan")


@pytest.fixture
def held() -> HeldOut:
    """Two recordings of Zoe, one of Amy, and one of Bob, who is healthy and of another cohort."""
    items = {
        "R1": ([150, 90, 60, 100], [140.004, 95, 70, 98]),
        "M1": ([40, 20, NONE, 100], [44, 30, 0, 97]),
    }
    whole = validated(items, [False, False, False, True], persons=["zoe", "amy", "zoe", "bob"])
    return held_out(replace(whole, cohorts=("one", "two"), cohort=np.array([0, 0, 0, 1])))


def test_each_prediction_stands_beside_its_label(held: HeldOut) -> None:
    brow, lift = held.pairs(0)
    assert (brow.score, brow.low, brow.high) == ("R1", 0, 200)
    assert brow.labels.tolist() == [60, 90, 150]
    assert brow.predicted.round(4).tolist() == [70, 95, 140]
    assert sorted(zip(lift.labels, lift.predicted, strict=True)) == [(20, 30), (40, 44)]
    (healthy, _) = held.pairs(1)
    assert healthy.healthy.tolist() == [True]
    assert len(healthy.of_patients()) == 0


def test_recordings_of_a_person_share_a_number_and_nothing_tells_who_it_is(held: HeldOut) -> None:
    # by label: the 60 and the 150 are Zoe's, whom the cohort names first
    assert held.person.tolist() == [0, 1, 0, 2]
    stored = b"".join(values.tobytes() for values in held.tensors().values())
    assert not any(name in stored for name in (b"zoe", b"amy", b"bob"))


def test_a_sub_score_needs_all_of_its_items_and_is_folded() -> None:
    whole = {item: ([150, 100], [140, 90]) for item in STATIC}
    static = held_out(validated(whole, [False, False])).pairs(0)[-1]
    assert (static.score, static.high) == ("static", 100)
    assert sorted(zip(static.labels, static.predicted, strict=True)) == [(50, 60), (100, 90)]
    part = whole | {STATIC[0]: ([150, NONE], [140, 90])}
    assert len(held_out(validated(part, [False, False])).pairs(0)[-1]) == 1
    four = {item: whole[item] for item in STATIC[1:]}
    assert [pairs.score for pairs in held_out(validated(four, [False, False])).pairs(0)] == list(STATIC[1:])


def test_it_comes_back_from_its_tensors_and_others_are_refused(held: HeldOut) -> None:
    back = restore_held_out(held.describe(), held.items, held.tensors())
    assert np.array_equal(back.predicted, held.predicted, equal_nan=True)
    assert back.healthy.tolist() == held.healthy.tolist()
    assert held.describe() == {"recordings": 4, "people": 3}
    for described, items in (({"recordings": 3}, held.items), (held.describe(), ("R1",))):
        with pytest.raises(ValueError, match="held out"):
            restore_held_out(described, items, held.tensors())


def test_a_table_has_one_row_for_each_recording(held: HeldOut, tmp_path: Path) -> None:
    write_held_out(held, ("one", "two"), "drawn", tmp_path / "held-out.csv")
    with (tmp_path / "held-out.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["data"] for row in rows} == {"drawn"}
    assert [row["cohort"] for row in rows] == ["one", "one", "one", "two"]
    assert (rows[0]["M1_label"], rows[0]["M1_predicted"], rows[0]["group"]) == ("", "", "patients")
    assert (rows[3]["R1_label"], rows[3]["R1_predicted"], rows[3]["group"]) == ("100.00", "98.00", "healthy")
