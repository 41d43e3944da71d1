"""A bundle on disk comes back as it was, and one that was damaged is refused with what to do."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from grading.bundle import (
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
from grading.face import Preprocessing
from grading.regression import Regression

SHAPE = (4, 3, 2)


def make_bundle() -> Bundle:
    rng = np.random.default_rng(0)
    heads = [
        Head(item, pose, rng.normal(size=SHAPE).astype(np.float32), bias)
        for item, pose, bias in (("R1", "REST", 101.25), ("M1", "BROW", 1 / 3))
    ]
    return Bundle(
        name="test",
        version="3",
        created=date(2026, 5, 4),
        commissioning=True,
        protocol="jena9",
        backbone=BackboneId("efficientnet-lite0", "block10", "ab" * 32, SHAPE),
        preprocessing=Preprocessing(detector_sides=(320, 640), margin=0.2),
        regression=Regression(c=3.0),
        training=(TrainingSet("phantoms", "drawn faces", 12, 10, 8, 4, 1),),
        folds=11,
        errors=(ItemError("R1", "phantoms", "patients", 8, 12.5, 20.0),),
        heads=tuple(heads),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_bundle(make_bundle(), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_comes_back_as_it_was(folder: Path) -> None:
    saved, loaded = make_bundle(), load_bundle(folder)
    assert describe_bundle(loaded) == describe_bundle(saved)
    assert loaded.hash == saved.hash
    assert loaded.preprocessing == saved.preprocessing
    for head, expected in zip(loaded.heads, saved.heads, strict=True):
        assert np.array_equal(head.weights, expected.weights)
        assert head.bias == expected.bias


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
        ({"format": 99}, "not of format 1"),
        ({"commissioning": False}, "was changed after training"),
        ({"backbone": {}}, "lacks or garbles"),
        ({"items": [{"item": "X9", "pose": "REST"}]}, "lacks or garbles"),
        ({"created": "yesterday"}, "lacks or garbles"),
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


def test_a_head_scores_by_the_sum_of_weighted_activations() -> None:
    head = make_bundle().heads[0]
    activations = np.random.default_rng(1).normal(size=(5, *SHAPE)).astype(np.float32)
    expected = [float((one * head.weights).sum()) + head.bias for one in activations]
    assert head.score(activations) == pytest.approx(expected, abs=1e-4)
