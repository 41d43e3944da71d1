"""The parts of a score add up to it, lie where they were made, and are counted from a balanced face."""

from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grading.bundle import BackboneId, Bundle, Head
from grading.contributions import balanced_reference, contributions
from grading.framing import PREPROCESSING
from grading.grader import Grader
from grading.maps import Cases, Maps, block_shape
from grading.novelty import Novelty
from grading.preparing import prepare_photo
from grading.recipes import LOWER, UPPER, Block, Part, Recipe, Source
from grading.regression import Regression
from grading.scoring import score_maps

POSES = ("REST", "BROW", "SMILE")
PARTS: tuple[Part, ...] = ("whole", "affected", "difference", "mean")
SOURCES: tuple[Source, ...] = ("network", "movement", "asymmetry")
KINDS = list(product(SOURCES, PARTS))
SIDES = st.sampled_from(["R", "L"])
blocks = st.builds(
    Block,
    st.sampled_from(SOURCES),
    st.sampled_from(PARTS),
    st.dictionaries(st.sampled_from(POSES), st.floats(-2, 2), min_size=1),
    st.sampled_from([(0.0, 1.0), UPPER, LOWER]),
)


def make_maps(count: int = 1, seed: int = 0) -> Maps:
    rng = np.random.default_rng(seed)
    network = rng.normal(size=(count, len(POSES), 2, 5, 6, 3)).astype(np.float32)
    movement, asymmetry = rng.normal(size=(2, count, len(POSES), 2, 2, 12, 6)).astype(np.float32)
    return Maps(POSES, network, movement, asymmetry)


def make_bundle(chosen: tuple[Block, ...], seed: int = 1, reference: bool = False) -> Bundle:
    """A bundle whose only item, R1, reads these blocks."""
    rng = np.random.default_rng(seed)
    weights = tuple(rng.normal(size=block_shape(one, make_maps())).astype(np.float32) for one in chosen)
    head = Head("R1", weights, 97.0)
    side = Block("network", "difference", {"REST": 1.0})
    if reference:
        few = Cases(np.arange(4), np.array([True, False, False, True]))
        maps = make_maps(4, seed)
        head = replace(
            head, reference=balanced_reference(head, chosen, maps, few, np.ones(4), np.full(4, 100.0))
        )
    return Bundle(
        name="test",
        version="1",
        created=date(2026, 5, 4),
        commissioning=True,
        protocol="jena9",
        backbone=BackboneId("none", "none", ""),
        recipe=Recipe("test", PREPROCESSING, {"R1": chosen}, Regression(), (side,)),
        training=(),
        folds=0,
        errors=(),
        uncertainties=(),
        novelty=Novelty(np.zeros(5), np.ones(5), 1.0),
        side=Head("side", (np.ones(block_shape(side, make_maps()), np.float32),), 0.0),
        side_right=None,
        heads=(head,),
    )


@settings(deadline=None)
@given(st.lists(blocks, min_size=1, max_size=4), SIDES, st.booleans(), st.integers(0, 99))
def test_the_parts_of_whatever_blocks_add_up_to_the_score(
    chosen: list[Block], side: str, reference: bool, seed: int
) -> None:
    maps, bundle = make_maps(seed=seed), make_bundle(tuple(chosen), reference=reference)
    (found,) = contributions(bundle, maps, side)
    (scored,) = score_maps(bundle, maps, [side])
    assert found.score == pytest.approx(scored.raw["R1"], abs=1e-4)


@pytest.mark.parametrize(("source", "part"), KINDS)
def test_a_part_is_what_the_score_loses_when_its_place_is_emptied(source: Source, part: Part) -> None:
    bundle = make_bundle((Block(source, part, {"SMILE": 0.7, "REST": -1.0}),))
    maps = make_maps()
    (found,) = contributions(bundle, maps, "L")
    photo = next(one for one in found.parts if (one.source, one.pose) == (source, "SMILE"))
    for tile, row, column in ((0, 1, 2), (1, 1, 2), (1, 5, 0)):
        emptied = {name: getattr(maps, name).copy() for name in SOURCES}
        emptied[source][0, POSES.index("SMILE"), tile, :, row, column] = 0
        (without,) = score_maps(bundle, Maps(POSES, **emptied), ["L"])
        assert photo.places[tile, row, column] == pytest.approx(found.score - without.raw["R1"], abs=1e-4)


@pytest.mark.parametrize(("part", "side", "read"), [("affected", "R", [0]), ("affected", "L", [1])])
def test_a_block_of_the_affected_side_has_no_part_on_the_other(
    part: Part, side: str, read: list[int]
) -> None:
    (found,) = contributions(make_bundle((Block("network", part, {"SMILE": 1.0}),)), make_maps(), side)
    assert [tile for tile in (0, 1) if found.parts[0].places[tile].any()] == read


def test_a_block_of_some_rows_has_no_part_in_the_others() -> None:
    (found,) = contributions(make_bundle((Block("network", "mean", {"REST": 1.0}, LOWER),)), make_maps(), "R")
    places = found.parts[0].places
    assert not places[:, :3].any()
    assert places[:, 3:].all()


def test_the_parts_are_counted_from_the_mean_of_balanced_faces() -> None:
    chosen = (
        Block("network", "affected", {"SMILE": 1.0, "REST": -1.0}),
        Block("movement", "difference", {"SMILE": 1.0}),
    )
    bundle = make_bundle(chosen)
    maps, cases = make_maps(6), Cases(np.arange(6), np.array([False, True] * 3))
    labels = np.array([100.0, 95.0, 105.0, 60.0, 140.0, 20.0])
    head = replace(
        bundle.heads[0],
        reference=balanced_reference(bundle.heads[0], chosen, maps, cases, np.ones(6), labels),
    )
    bundle = replace(bundle, heads=(head,))
    scores = [
        one.raw["R1"] for one in score_maps(bundle, maps, ["L" if left else "R" for left in cases.left])
    ]
    found = [
        contributions(bundle, Maps(POSES, maps.network[row : row + 1], maps.movement[row : row + 1]), side)[0]  # type: ignore[index]
        for row, side in enumerate(["R", "L"] * 3)
    ]
    assert found[0].start == pytest.approx(np.mean(scores[:3]), abs=1e-3)
    # the balanced faces' parts cancel place by place, the affected side's and the other's each for themselves
    affected_first = [
        part.places[::-1] if number == 1 else part.places
        for number, one in enumerate(found[:3])
        for part in one.parts
        if part.source == "movement"
    ]
    assert np.sum(affected_first, axis=0) == pytest.approx(np.zeros((2, 12, 6)), abs=1e-4)
    assert [one.score for one in found] == pytest.approx(scores, abs=1e-4)


def test_without_a_balanced_face_the_parts_are_counted_from_empty_maps() -> None:
    chosen = (Block("network", "difference", {"REST": 1.0}),)
    bundle, cases = make_bundle(chosen), Cases(np.arange(2), np.zeros(2, dtype=np.bool_))
    labels = np.array([60.0, 140.0])
    assert balanced_reference(bundle.heads[0], chosen, make_maps(2), cases, np.ones(2), labels) == {}
    assert contributions(bundle, make_maps(), "R")[0].start == 97.0


def test_several_recordings_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="give one"):
        contributions(make_bundle((Block("network", "whole", {"REST": 1.0}),)), make_maps(2), "R")


@pytest.mark.journey
@pytest.mark.parametrize("side", ["R", "L", None])
def test_the_parts_of_a_real_grading_add_up_to_its_scores(
    grader: Grader, photos: dict[str, NDArray[np.uint8]], side: str | None
) -> None:
    preprocessing = grader.bundle.preprocessing
    crops = {pose: prepare_photo(photo, pose, preprocessing).crop for pose, photo in photos.items()}
    maps = grader.maps([crops])
    (scored,) = score_maps(grader.bundle, maps, [side])
    found = contributions(grader.bundle, maps, scored.side)
    assert [one.item for one in found] == list(scored.raw)
    for one in found:
        assert one.score == pytest.approx(scored.raw[one.item], abs=1e-3)
        assert {part.pose for part in one.parts} <= set(grader.bundle.recipe.needs(one.item))
