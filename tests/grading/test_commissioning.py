"""The bundle that comes with Facialis and the recipe that made it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from grading import commissioning as recipe
from grading.backbones import load_backbone
from grading.bundle import COMMISSIONING_BUNDLE, Bundle, describe_bundle, load_bundle
from grading.phantom import write_cohort
from grading.recipes import halves
from grading.scales import PREDICTED_ITEMS

Series = dict[str, NDArray[np.uint8]]


def test_it_says_that_it_has_seen_no_patient(commissioning: Bundle) -> None:
    described = describe_bundle(commissioning)
    assert commissioning.commissioning
    assert "not for clinical use" in described["notice"]
    assert [cohort["description"] for cohort in described["training"]] == [
        "phantoms drawn by Facialis",
        "photos of healthy faces with simulated palsy",
    ]


def test_its_errors_are_told_per_cohort_beside_the_median(commissioning: Bundle) -> None:
    for cohort in ("phantoms", "simulated"):
        for group in ("all", "patients", "healthy"):
            items = [e.item for e in commissioning.errors if (e.cohort, e.group) == (cohort, group)]
            assert items == [item.id for item in PREDICTED_ITEMS]


def test_it_is_the_one_that_the_recipe_describes(commissioning: Bundle) -> None:
    backbone = load_backbone(recipe.BACKBONE, recipe.LAYER, device="cpu")
    assert commissioning.backbone.layer == recipe.LAYER
    assert commissioning.backbone.weight_hash == backbone.weight_hash
    assert (commissioning.version, commissioning.created) == (recipe.VERSION, recipe.CREATED)
    assert commissioning.recipe == halves()
    assert commissioning.training[0].people == recipe.PHANTOM_PATIENTS


def test_its_single_predictions_give_its_errors(commissioning: Bundle) -> None:
    held = commissioning.held_out
    assert held is not None
    for number, cohort in enumerate(commissioning.training):
        assert (held.cohort == number).sum() == cohort.recordings
        for pairs in held.pairs(number)[: len(PREDICTED_ITEMS)]:
            of_patients = pairs.of_patients()
            (told,) = (
                error.mae
                for error in commissioning.errors
                if (error.item, error.cohort, error.group) == (pairs.score, cohort.name, "patients")
            )
            mae = np.abs(of_patients.predicted - of_patients.labels).mean()
            assert mae == pytest.approx(told, abs=0.01)


def test_it_is_small_enough_to_travel_with_the_code() -> None:
    assert sum(path.stat().st_size for path in COMMISSIONING_BUNDLE.iterdir()) < 3_000_000


@pytest.mark.journey
def test_the_recipe_gives_the_same_bundle_twice(tmp_path: Path) -> None:
    write_cohort(tmp_path / "faces", 2, seed=91)
    one, other = (
        recipe.build(tmp_path / "faces", tmp_path / "work", tmp_path / name, phantom_patients=2)
        for name in ("one", "other")
    )
    assert one.hash == other.hash == load_bundle(tmp_path / "other").hash
    assert [cohort.name for cohort in one.training] == ["phantoms", "simulated"]
