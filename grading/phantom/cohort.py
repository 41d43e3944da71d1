"""A cohort folder of phantoms: photos and their true scores, for training and for tests."""

import csv
import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from grading.phantom.anatomy import Anatomy, random_anatomy
from grading.phantom.palsy import HEALTHY, Palsy, PhantomError, random_palsy, true_scores
from grading.phantom.photo import draw_photo
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS

DETAILS = ("subject", "session", "person", "group", "side", "recorded_on", "surgery_date")
COLUMNS = (*DETAILS, *(item.id for item in PREDICTED_ITEMS))
JPEG_QUALITY = 92


def write_cohort(
    out: Path, patients: int, seed: int, *, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write ``labels.csv`` and ``<subject>/<session>/<n>.jpg`` for ``patients`` phantoms under ``out``.

    Every fourth subject is healthy. The others have one or two sessions, each with its own random palsy (side
    kept), so that items vary independently over their ranges. ``progress`` hears photos done and photos
    planned. The same seed writes the same files, and a larger cohort starts with the smaller one.

    Raises `PhantomError` for fewer than one patient or a negative seed.
    """
    if patients < 1 or seed < 0:
        raise PhantomError("a phantom cohort needs at least one patient and a seed of 0 or more")
    plans = [(number, _sessions(seed, number)) for number in range(1, patients + 1)]
    total = len(JENA9.poses) * sum(len(palsies) for _, (_, palsies) in plans)
    done = 0
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for number, (anatomy, palsies) in plans:
            for session, palsy in enumerate(palsies, start=1):
                rng = np.random.default_rng([seed, number, session])
                folder = out / f"P{number:04d}" / str(session)
                folder.mkdir(parents=True, exist_ok=True)
                for pose in JENA9.poses:
                    photo = draw_photo(anatomy, palsy, pose.code, rng)
                    Image.fromarray(photo).save(folder / f"{pose.number}.jpg", quality=JPEG_QUALITY)
                    done += 1
                    if progress is not None:
                        progress(done, total)
                table.writerow(_row(number, session, palsy))


def _sessions(seed: int, number: int) -> tuple[Anatomy, list[Palsy]]:
    """A subject's face and its palsy in each session."""
    rng = np.random.default_rng([seed, number, 0])
    anatomy = random_anatomy(rng)
    if number % 4 == 0:
        return anatomy, [HEALTHY]
    first = random_palsy(rng)
    return anatomy, [first] if rng.random() < 0.5 else [first, random_palsy(rng, first.side)]


def _row(number: int, session: int, palsy: Palsy) -> dict[str, str]:
    """A line of ``labels.csv``; sessions are half a year apart, the surgery a month after the first."""
    start = datetime.date(2023, 1, 9) + datetime.timedelta(days=number)
    affected = palsy.side is not None
    scores = {item: f"{score:.2f}" for item, score in true_scores(palsy).items()}
    return {
        "subject": f"P{number:04d}",
        "session": str(session),
        "person": f"phantom:{number}",
        "group": "palsy" if affected else "healthy",
        "side": palsy.side or "",
        "recorded_on": (start + datetime.timedelta(days=182 * (session - 1))).isoformat(),
        "surgery_date": (start + datetime.timedelta(days=30)).isoformat() if affected else "",
        **scores,
    }
