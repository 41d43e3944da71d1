"""A bundle on disk comes back as it was, and one that was damaged is refused with what to do."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from grading.bundle import (
    FORMAT,
    MANIFEST,
    WEIGHTS,
    BackboneId,
    Bundle,
    DamagedBundleError,
    Head,
    ItemError,
    TrainingSet,
    describe_bundle,
    load_bundle,
    save_bundle,
)
from grading.described_recipes import describe_recipe, restore_recipe
from grading.framing import BoxFrame, EyeFrame, Frame, Preprocessing, SteadyFrame
from grading.held_out import HeldOut
from grading.maps import Cases, Maps
from grading.novelty import Novelty
from grading.pose_check import PoseCheck, PoseRates
from grading.recipes import LOWER, Block, Recipe
from grading.regression import Regression
from grading.uncertainty import Uncertainty

SHAPE = (4, 3, 2)
POSES = ("REST", "BROW")
NETWORK = Block("network", "difference", {"REST": 0.5, "BROW": 0.5})
MOVEMENT = Block("movement", "affected", {"BROW": 1.0}, LOWER, 0.3)
RECIPE = Recipe(
    "test",
    Preprocessing(EyeFrame(height=200), twin=True, detector_sides=(320, 640)),
    {"R1": (NETWORK,), "M1": (NETWORK, MOVEMENT)},
    Regression(c=3.0),
    (NETWORK,),
)


HASH_OF_FORMAT_3 = "9ab0dc2bdbd18fa10e664a745c81e8ee84707fb9f63ef386c04cbd95000ea29e"
"""Of `make_bundle`, as the version wrote it that knew no later format."""


def make_check() -> PoseCheck:
    rng = np.random.default_rng(3)
    return PoseCheck(
        POSES,
        rng.normal(size=(2, *SHAPE)).astype(np.float32),
        np.array([0.25, -1 / 3]),
        -0.125,
        (PoseRates("phantoms", 24, 0.0, 1.0, None, ((12, 0), (1, 11))),),
    )


def make_held_out() -> HeldOut:
    labels = np.array([[90, 40], [150, np.nan], [100, 100]], np.float32)
    cohort, person = np.zeros(3, np.int32), np.array([0, 0, 1], np.int32)
    return HeldOut(("R1", "M1"), labels, labels + 1, cohort, person, np.array([False, False, True]))


def make_bundle() -> Bundle:
    rng = np.random.default_rng(0)
    network, movement, side = (
        rng.normal(size=shape).astype(np.float32) for shape in (SHAPE, (2, 4, 3), SHAPE)
    )
    return Bundle(
        name="test",
        version="3",
        created=date(2026, 5, 4),
        commissioning=True,
        protocol="jena9",
        backbone=BackboneId("efficientnet-lite0", "block10", "ab" * 32),
        recipe=RECIPE,
        training=(TrainingSet("phantoms", "drawn faces", 12, 10, 8, 4, 1),),
        folds=11,
        errors=(ItemError("R1", "phantoms", "patients", 8, 12.5, 20.0),),
        uncertainties=(Uncertainty("R1", 30.5, 0.9, 40.25, 82),),
        novelty=Novelty(np.zeros(4, np.float32), np.array([1, 1, np.inf, 1], np.float32), 1.5),
        side=Head("side", (side,), 0.0),
        side_right=0.94,
        heads=(
            Head("R1", (network,), 101.25),
            Head("M1", (network, movement), 1 / 3, {"movement.BROW": np.ones((2, 8, 3), np.float32)}),
        ),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_bundle(make_bundle(), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_comes_back_as_it_was(folder: Path) -> None:
    saved, loaded = make_bundle(), load_bundle(folder)
    assert describe_bundle(loaded) == describe_bundle(saved)
    assert loaded.hash == saved.hash
    assert loaded.recipe == saved.recipe
    assert loaded.uncertainties == saved.uncertainties
    assert loaded.side is not None
    assert saved.side is not None
    for head, expected in zip([*loaded.heads, loaded.side], [*saved.heads, saved.side], strict=True):
        assert all(map(np.array_equal, head.weights, expected.weights))
        assert (head.item, head.bias) == (expected.item, expected.bias)
        assert head.reference.keys() == expected.reference.keys()
        assert all(np.array_equal(head.reference[key], expected.reference[key]) for key in head.reference)


def test_a_pose_check_comes_back_with_its_bundle(tmp_path: Path) -> None:
    saved = replace(make_bundle(), pose_check=make_check())
    assert saved.hash != make_bundle().hash
    save_bundle(saved, tmp_path)
    loaded = load_bundle(tmp_path)
    assert describe_bundle(loaded) == describe_bundle(saved)
    assert loaded.pose_check is not None
    assert np.array_equal(loaded.pose_check.weights, make_check().weights)
    assert loaded.pose_check.bias.tolist() == make_check().bias.tolist()


def test_a_bundle_without_a_pose_check_comes_back_without_one(folder: Path) -> None:
    assert load_bundle(folder).pose_check is None
    assert "pose_check" not in json.loads((folder / MANIFEST).read_text())


def test_predictions_held_out_come_back_with_their_bundle_and_make_the_newest_format(tmp_path: Path) -> None:
    saved = replace(make_bundle(), held_out=make_held_out())
    assert saved.hash != make_bundle().hash
    save_bundle(saved, tmp_path)
    loaded = load_bundle(tmp_path)
    assert json.loads((tmp_path / MANIFEST).read_text())["format"] == FORMAT
    assert loaded.hash == saved.hash
    assert loaded.held_out is not None
    assert loaded.held_out.items == ("R1", "M1")
    assert np.array_equal(loaded.held_out.labels, make_held_out().labels, equal_nan=True)
    other = replace(make_held_out(), person=np.array([0, 1, 1], np.int32))
    assert replace(saved, held_out=other).hash != saved.hash


def test_a_bundle_of_the_format_before_has_no_predictions_and_keeps_its_hash(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    assert (manifest["format"], "held_out" in manifest) == (3, False)
    loaded = load_bundle(folder)
    assert loaded.held_out is None
    assert loaded.hash == manifest["hash"] == HASH_OF_FORMAT_3


@pytest.mark.parametrize("frame", [BoxFrame(), EyeFrame(width=96), SteadyFrame(width=96, boxes=9)])
def test_a_frame_comes_back_as_the_kind_that_it_was(frame: Frame) -> None:
    recipe = replace(RECIPE, preprocessing=replace(RECIPE.preprocessing, frame=frame))
    back = restore_recipe(json.loads(json.dumps(describe_recipe(recipe)))).preprocessing
    assert back == recipe.preprocessing
    assert back.eye_boxes == (9 if isinstance(frame, SteadyFrame) else 1)


def test_saving_again_replaces_the_bundle_there(folder: Path) -> None:
    save_bundle(replace(make_bundle(), version="4"), folder)
    assert load_bundle(folder).version == "4"
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, WEIGHTS]


def test_the_hash_changes_with_a_weight_and_with_a_setting() -> None:
    bundle = make_bundle()
    head = replace(bundle.heads[0], bias=101.26)
    others = [replace(bundle, heads=(head, bundle.heads[1])), replace(bundle, version="4")]
    assert len({bundle.hash, *(other.hash for other in others)}) == 3


def test_the_manifest_can_be_kept_as_json(folder: Path) -> None:
    described = describe_bundle(load_bundle(folder))
    assert json.loads(json.dumps(described))["errors"][0]["share_of_range"] == 12.5 / 200
    assert described["notice"] == "Commissioning model: not for clinical use."


@pytest.mark.parametrize("name", [MANIFEST, WEIGHTS])
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DamagedBundleError, match=r"is no bundle.*restore"):
        load_bundle(folder)


def test_changed_weights_are_refused(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(DamagedBundleError, match=rf"{WEIGHTS} is not the file"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, f"not of format {FORMAT}"),
        ({"commissioning": False}, "was changed after training"),
        ({"backbone": {}}, "lacks or garbles"),
        ({"items": [{"item": "X9", "pose": "REST"}]}, "lacks or garbles"),
        ({"created": "yesterday"}, "lacks or garbles"),
        ({"pose_check": {"poses": ["REST"], "limit": 0.0, "rates": []}}, "lacks or garbles"),
    ],
)
def test_a_changed_manifest_is_refused(folder: Path, change: dict[str, object], words: str) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(DamagedBundleError, match=words):
        load_bundle(folder)


def test_a_manifest_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")
    with pytest.raises(DamagedBundleError, match="is not JSON"):
        load_bundle(folder)


def test_a_head_scores_by_the_sum_of_weighted_features() -> None:
    rng = np.random.default_rng(1)
    network = rng.normal(size=(3, 2, 2, *SHAPE)).astype(np.float32)
    movement = rng.normal(size=(3, 2, 2, 2, 8, 3)).astype(np.float32)
    bundle = make_bundle()
    head = bundle.heads[1]
    left = np.array([False, True, False])
    scores = head.score(RECIPE.blocks["M1"], Maps(POSES, network, movement), Cases(np.arange(3), left))
    for number, score in enumerate(scores):
        affected, other = (1, 0) if left[number] else (0, 1)
        difference = (network[number, :, affected] - network[number, :, other]).mean(axis=0)
        moved = movement[number, 1, affected, :, 4:]
        expected = (difference * head.weights[0]).sum() + (moved * head.weights[1]).sum() + head.bias
        assert score == pytest.approx(float(expected), abs=1e-4)
