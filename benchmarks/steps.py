"""What each step from the paper's way to the recipe `halves` gains, on a cohort, by cross-validation.

    python -m benchmarks.steps --cohort /work/shared/cohort --cache .facialis/cache

Every step is a recipe of the product's own code, measured on patients in grouped 11-fold cross-validation,
over the deal of persons to folds that `facialis evaluate` makes and further ones by seed, so that what merely
suits one deal shows. The last rows were tried and not kept. The last line is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grading.backbones import load_backbone
from grading.cohort import read_cohort
from grading.crossvalidation import CrossValidation, Trials, cross_validate
from grading.evaluation import item_outcomes, sub_score_outcomes
from grading.evaluation.measures import average, measure
from grading.features import cohort_maps
from grading.framing import BoxFrame, EyeFrame, Preprocessing
from grading.recipes import LOWER, REST, UPPER, Block, Recipe, halves, paper
from grading.regression import Regression
from grading.scales import PREDICTED_ITEMS

WHOLE_FACE = EyeFrame(height=224, width=224, distance=71, eye_line=82, midline=112)
"""The whole face laid by the eyes, in as many pixels as the paper's crop."""

UPPER_ITEMS = frozenset({"R1", "R2", "M1", "M2", "M3"})
TUNED = Regression(epsilon=0.02, c=10.0)
FINE = Regression(epsilon=0.01, c=100.0)

Blocks = Mapping[str, tuple[Block, ...]]


@dataclass(frozen=True)
class Step:
    """One row: what it is, its recipe and the network's layer; ``kept`` on the way to `halves`."""

    name: str
    recipe: Recipe
    kept: bool = True
    layer: str = "block10"


def rows_of(item_id: str) -> tuple[float, float]:
    """The part of the face that shows an item."""
    return UPPER if item_id in UPPER_ITEMS else LOWER


def single(part: str, *, regions: bool = False) -> Blocks:
    """One photo for each item, as in the paper, of one part of the crop."""
    return {
        item.id: (
            Block("network", part, {item.poses[0]: 1.0}, rows_of(item.id) if regions else (0.0, 1.0)),  # type: ignore[arg-type]
        )
        for item in PREDICTED_ITEMS
    }


def steps() -> Iterator[Step]:
    """The way from the paper's recipe to ours, then what was tried beside it."""
    first, last = paper(), halves()
    box, whole = Preprocessing(BoxFrame(), twin=True), Preprocessing(WHOLE_FACE, twin=True)

    def build(preprocessing: Preprocessing, blocks: Blocks, regression: Regression) -> Recipe:
        return Recipe("step", preprocessing, blocks, regression, last.side)

    def without(recipe: Recipe, source: str, instead: Blocks) -> Recipe:
        """The recipe with the blocks of ``instead`` wherever an item reads this map."""
        return replace(
            recipe,
            blocks={
                item: instead[item] if any(block.source == source for block in blocks) else blocks
                for item, blocks in recipe.blocks.items()
            },
        )

    single_regions = single("difference", regions=True)
    network = {
        item: tuple(block for block in blocks if block.source == "network")
        for item, blocks in last.blocks.items()
    }
    # where movement is not read yet, items that change since rest are read from one photo
    still = {item: network[item] if item.startswith("R") else single_regions[item] for item in network}
    plain = replace(last, regression=replace(last.regression, epsilon=0.01, calibrated=False))
    shape_blind = without(plain, "asymmetry", still)

    yield Step("the paper's way (face box, padded, ε = 0.1, C = 1)", first)
    yield Step("C = 10, ε = 0.02", replace(first, regression=TUNED))
    yield Step("+ mirrored: the affected side always on one side", build(box, single("affected"), TUNED))
    yield Step("+ crop aligned by the eyes", build(whole, single("affected"), TUNED))
    yield Step("+ features minus their own mirror image", build(whole, single("difference"), TUNED))
    yield Step("+ eye or mouth region, C = 100, ε = 0.01", build(whole, single_regions, FINE))
    yield Step(
        "+ half a face with its twin, at 1.6 times the resolution",
        build(last.preprocessing, single_regions, plain.regression),
    )
    yield Step("+ rest items from all photos in which that part keeps still", replace(plain, blocks=still))
    yield Step("+ movement since rest, for items that are a change", shape_blind)
    yield Step("+ asymmetry of the halves' shapes, for folds and mouth", plain)
    yield Step("+ ε = 0", replace(plain, regression=replace(last.regression, calibrated=False)))
    yield Step("+ scores stretched by the slope found within the training folds: `halves`", last)

    pairs = {
        item.id: tuple(
            Block("network", "difference", {pose: 1.0}, rows_of(item.id))
            for pose in dict.fromkeys((item.poses[0], REST))
        )
        for item in PREDICTED_ITEMS
    }
    everywhere = {
        item: (*blocks, Block("asymmetry", "difference", network[item][0].photos, UPPER))
        if item in ("R1", "R2")
        else blocks
        for item, blocks in last.blocks.items()
    }
    yield Step(
        "motion photo and rest photo joined (half faces, regions)",
        build(last.preprocessing, pairs, plain.regression),
        kept=False,
    )
    yield Step(
        "`halves` with asymmetry for brow and eye at rest", replace(last, blocks=everywhere), kept=False
    )
    yield Step("`halves` without the network", replace(last, blocks=_without_network(last)), kept=False)
    yield Step("`halves` on block 7", last, kept=False, layer="block7")
    yield Step("`halves`, C = 1", replace(last, regression=replace(last.regression, c=1.0)), kept=False)
    yield Step(
        "`halves` with the paper's ε = 0.1",
        replace(last, regression=replace(last.regression, epsilon=0.1)),
        kept=False,
    )


def _without_network(recipe: Recipe) -> Blocks:
    """Displacements alone, where an item reads any."""
    return {
        item: tuple(block for block in blocks if block.source != "network") or blocks
        for item, blocks in recipe.blocks.items()
    }


def figures(validations: list[CrossValidation]) -> dict[str, float]:
    """Means over the deals: errors in % of range, ICCs of the folded sub-scores, the side told right in %."""
    found = []
    for one in validations:
        items = item_outcomes(one)
        patients = average(items, "patients", draws=0)
        scores = {
            score.id: measure(score.of("patients"), draws=0).icc.value for score in sub_score_outcomes(one)
        }
        found.append(
            {
                "patients": patients.share.value,
                "below_median": patients.below.value,
                "least_below": patients.least_below,
                "healthy": average(items, "healthy", draws=0).share.value,
                "static_icc": scores["static"],
                "dynamic_icc": scores["dynamic"],
            }
        )
    means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    return means | {"patients_sd": float(np.std([one["patients"] for one in found], ddof=1))}


def main() -> None:
    """Measure every step and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", type=Path, required=True, help="cohort folder with healthy people too")
    parser.add_argument("--cache", type=Path, help="folder that keeps crops and activations")
    parser.add_argument("--deals", type=int, default=3, help="deals of persons to folds")
    arguments = parser.parse_args()
    cohort = read_cohort(arguments.cohort)
    print(
        "| step | error, % of range | below the constant median, % | least of an item, % | healthy, % "
        "| static ICC | dynamic ICC |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    measured = []
    started = time.monotonic()
    for step in steps():
        backbone = load_backbone("efficientnet-lite0", step.layer)
        maps = cohort_maps(cohort, backbone, step.recipe, cache=arguments.cache)
        trials = Trials([cohort], maps, step.recipe)
        cut = (backbone.name, backbone.layer)
        seeds = [None, *range(arguments.deals - 1)]
        row = figures([cross_validate(trials, cut, seed=seed) for seed in seeds])
        measured.append(
            {"step": step.name, "kept": step.kept, **{name: round(value, 3) for name, value in row.items()}}
        )
        name = step.name if step.kept else f"*not kept:* {step.name}"
        print(
            f"| {name} | {row['patients']:.1f} | {row['below_median']:.0f} | {row['least_below']:.0f} "
            f"| {row['healthy']:.1f} | {row['static_icc']:.2f} | {row['dynamic_icc']:.2f} |",
            flush=True,
        )
    print(
        json.dumps(
            {"deals": arguments.deals, "seconds": round(time.monotonic() - started), "steps": measured}
        )
    )


if __name__ == "__main__":
    main()
