"""The recipe of the bundle that comes with Facialis: phantoms and real faces with simulated palsy.

Run `python -m grading.commissioning --cohort FOLDER --work FOLDER --out grading/bundles/commissioning`.

It shows that the whole chain works and how far the paper's method carries; it has seen no patient, and says
so in its manifest.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from grading.backbones import load_backbone
from grading.bundle import COMMISSIONING_BUNDLE, Bundle, save_bundle
from grading.cohort import read_cohort
from grading.phantom import write_cohort
from grading.training import Settings, train

VERSION = "5"
CREATED = date(2026, 11, 24)
"""Day of this version of the recipe; fixed, so that the same recipe writes the same manifest."""
PHANTOM_PATIENTS = 80
PHANTOM_SEED = 20_000
"""Far from the seeds of the demo and the tests, so that these show phantoms the bundle has not seen."""
BACKBONE = "efficientnet-lite0"
LAYER = "block10"
Progress = Callable[[str, int, int], None]
"""Told which part runs and how many of its steps are done."""


def build(
    cohort_folder: Path,
    work: Path,
    out: Path,
    progress: Progress = lambda part, done, total: None,
    *,
    phantom_patients: int = PHANTOM_PATIENTS,
) -> Bundle:
    """Draw phantoms, train on them and on the cohort of simulated palsy together, and write the bundle.

    ``work`` keeps the phantoms and what was computed from photos; a second run is quicker for it. The same
    cohort, renderer, libraries and number of threads give the same bundle; another number of threads changes
    the last digits of the weights, and with them the hash.

    Raises `CohortError`, and what drawing and training raise.
    """
    phantoms = work / "phantoms"
    if phantoms.exists():
        # drawn anew: they may be those of another renderer
        shutil.rmtree(phantoms)
    write_cohort(
        phantoms,
        phantom_patients,
        PHANTOM_SEED,
        progress=lambda done, total: progress("Drawing phantoms", done, total),
    )
    trained = train(
        [
            read_cohort(phantoms, description="phantoms drawn by Facialis"),
            read_cohort(
                cohort_folder, name="simulated", description="photos of healthy faces with simulated palsy"
            ),
        ],
        load_backbone(BACKBONE, LAYER),
        Settings(name="commissioning", version=VERSION, created=CREATED),
        cache=work / "cache",
        progress=lambda done, total: progress("Reading photos", done, total),
    )
    save_bundle(trained.bundle, out)
    return trained.bundle


def main() -> None:
    """Build the bundle from the command line."""
    parser = argparse.ArgumentParser(description="Train the bundle that comes with Facialis.")
    parser.add_argument("--cohort", type=Path, required=True, help="cohort folder of simulated palsy")
    parser.add_argument("--work", type=Path, required=True, help="folder for phantoms and computed features")
    parser.add_argument("--out", type=Path, default=COMMISSIONING_BUNDLE, help="folder of the bundle")
    arguments = parser.parse_args()

    def tell(part: str, done: int, total: int) -> None:
        end = "\n" if done == total else "\r"
        sys.stderr.write(f"{part}: {done} of {total}{end}")

    bundle = build(arguments.cohort, arguments.work, arguments.out, tell)
    for error in bundle.errors:
        sys.stdout.write(
            f"{error.item} {error.cohort} {error.group} ({error.recordings}): MAE {error.mae:.1f}, "
            f"median {error.median_mae:.1f}, {error.share_of_range:.0%} of range\n"
        )


if __name__ == "__main__":
    main()
