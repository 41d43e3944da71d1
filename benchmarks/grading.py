"""One recording from nine JPEG files to item scores, against the plain script in the same run.

`python -m benchmarks.grading [--cohort FOLDER] [--repeats N] [--recordings N]`. The photos are those of the
cohort's first recording, enlarged to 1350 x 1350; without a cohort those of a phantom. Every repeat runs each
row once, in turn: Facialis with the bundle that comes with it, with VGG-16 read the paper's way in float32
and in bfloat16 (like for like), and the script of benchmarks/plain_script.py. Memory and the time of the
first grading are those of processes of their own.

The network's bound is the time that its multiply-adds take at the rate of `torch.matmul`, measured beside it.
On a GPU machine the networks run on the GPU, everything before them on its processor. With a cohort, what
lower precision does to scores is measured on its recordings. Seconds are wall-clock; "cpu" adds up what all
cores did, which other programs on the machine change less. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

from benchmarks.plain_script import PlainScript, as_bundle, fit_regressors, write_weights
from benchmarks.timing import Spent, timed
from grading.backbones import INPUT_SIZE, Precision
from grading.bundle import COMMISSIONING_BUNDLE, Bundle, load_bundle
from grading.cohort import read_cohort
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import cut, split
from grading.gates import RULES
from grading.grader import Grader
from grading.movement import asymmetry, movement
from grading.parallel import map_threads
from grading.phantom import draw_series, phantom_patient
from grading.photos import load_photo, load_series
from grading.preparing import prepare_series, series_flags
from grading.protocols import JENA9
from grading.quality import photo_flags
from grading.recipes import REST
from grading.scoring import score_maps

_WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
SIDE = 1350
MATRIX = 2048
MANY = 16
"""Recordings in one batch where the network's own rate is measured."""


def several(act: Callable[[], object], repeats: int) -> Spent:
    """Medians over several calls, after one to warm up."""
    act()
    spent = [timed(act) for _ in range(repeats)]
    return Spent(statistics.median(one.wall for one in spent), statistics.median(one.cpu for one in spent))


def write_series(folder: Path, cohort: Path | None) -> None:
    """Nine JPEG files of 1350 x 1350, `1.jpg` to `9.jpg`."""
    if cohort:
        photos = read_cohort(cohort).recordings[0].photos
        images = {pose: Image.fromarray(load_photo(path)) for pose, path in photos.items()}
    else:
        patient = phantom_patient(1)
        drawn = draw_series(patient, patient.recordings[0])
        images = {pose: Image.fromarray(photo) for pose, photo in drawn.items()}
    for pose, image in images.items():
        corner = image.getpixel((0, 0))
        assert isinstance(corner, tuple)
        square = ImageOps.pad(image, (SIDE, SIDE), Image.Resampling.BICUBIC, color=corner[:3])
        square.save(folder / f"{JENA9.by_code[pose].number}.jpg", quality=92)


def grade_files(grader: Grader, folder: Path) -> dict[str, float]:
    """What the product does with a folder of photos; scores by item id."""
    preprocessing = grader.bundle.preprocessing
    prepared, refused = prepare_series(load_series(folder), preprocessing)
    assert not refused, refused
    crops = {pose: photo.crop for pose, photo in prepared.items()}
    series_flags(crops, preprocessing, RULES.limits)
    return grader.grade(crops, "L").scores


def matrix_rate(device: torch.device, kind: torch.dtype) -> float:
    """Multiplications and additions per second of `torch.matmul` on square matrices, in units of 1e9."""
    side = MATRIX if device.type == "cpu" else 4 * MATRIX
    one, other = (torch.randn(side, side, device=device).to(kind) for _ in range(2))

    def multiply() -> None:
        torch.matmul(one, other)
        if device.type == "cuda":
            torch.cuda.synchronize()

    multiply()
    return 2 * side**3 / min(timed(multiply).wall for _ in range(7)) / 1e9


def stages(grader: Grader, folder: Path, repeats: int) -> dict[str, Spent]:
    """Seconds of each step of one recording, on as many cores as the product takes."""
    bundle = grader.bundle
    preprocessing, poses, recipe = bundle.preprocessing, bundle.poses, bundle.recipe
    paths = [folder / f"{JENA9.by_code[pose].number}.jpg" for pose in poses]
    photos = map_threads(load_photo, paths)
    faces = map_threads(find_face, photos)
    numbers = range(len(photos))
    eyes = [find_eyes(photos[number], faces[number]) for number in numbers]

    def cut_one(number: int) -> Photo:
        return cut(photos[number], faces[number], eyes[number], preprocessing)

    def judge_one(number: int) -> object:
        return photo_flags(photos[number], faces[number], eyes[number], RULES.limits)

    crops = dict(zip(poses, map_threads(cut_one, numbers), strict=True))
    halves = {pose: split(crop, preprocessing.tiles) for pose, crop in crops.items()}
    batch = np.stack([tile for pose in poses for tile in halves[pose]])
    moved = [
        pair for pose in recipe.reads("movement") for pair in zip(halves[REST], halves[pose], strict=True)
    ]
    twins = [(*halves[pose][::way],) for pose in recipe.reads("asymmetry") for way in (1, -1)]
    maps = grader.maps([crops])
    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: map_threads(load_photo, paths),
        "detect": lambda: map_threads(find_face, photos),
        "eyes": lambda: map_threads(lambda number: find_eyes(photos[number], faces[number]), numbers),
        "quality": lambda: map_threads(judge_one, numbers),
        "mirrored": lambda: series_flags(crops, preprocessing, RULES.limits),
        "crop": lambda: map_threads(cut_one, numbers),
        "movement": lambda: map_threads(lambda pair: movement(*pair), moved),
        "asymmetry": lambda: map_threads(lambda pair: asymmetry(*pair), twins),
        "network": lambda: grader.backbone.features(batch),
        "heads": lambda: score_maps(bundle, maps, ["L"]),
    }
    return {name: several(act, repeats) for name, act in steps.items()}


def agreement(bundle: Bundle, cohort: Path, count: int) -> dict[str, float]:
    """What bfloat16 does to the scores of ``count`` recordings of a cohort, in points."""
    exact, short = (Grader(bundle, precision=one) for one in PRECISIONS)
    recordings = read_cohort(cohort).recordings
    differences = []
    for recording in recordings[:: max(1, len(recordings) // count)][:count]:
        photos = {pose: load_photo(path) for pose, path in recording.photos.items()}
        prepared, refused = prepare_series(photos, bundle.preprocessing)
        if refused:
            continue
        crops = {pose: photo.crop for pose, photo in prepared.items()}
        one, other = (grader.grade(crops, recording.side).scores for grader in (exact, short))
        differences += [abs(one[item] - other[item]) for item in one]
    return {
        "recordings": len(differences) // len(bundle.heads),
        "max_points": round(max(differences), 2),
        "mean_points": round(statistics.mean(differences), 3),
    }


def alone(*arguments: str | Path) -> tuple[float, float]:
    """Seconds and peak megabytes of a Python process of its own."""
    # A process starts with its parent's peak, so that a small one stands between.
    command = [sys.executable, "-c", _WATCH, sys.executable, *map(str, arguments)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), int(told[1]) / 1024


def compare(rows: dict[str, Callable[[], object]], repeats: int) -> dict[str, dict[str, float]]:
    """Every row once per repeat, in turn: median and spread of its seconds, and recordings per second."""
    for act in rows.values():
        act()
    spent: dict[str, list[Spent]] = {name: [] for name in rows}
    for _ in range(repeats):
        for name, act in rows.items():
            spent[name].append(timed(act))
    compared = {}
    for name, times in spent.items():
        walls = [one.wall for one in times]
        median = statistics.median(walls)
        compared[name] = {
            "seconds": round(median, 3),
            "fastest": round(min(walls), 3),
            "slowest": round(max(walls), 3),
            "cpu_seconds": round(statistics.median(one.cpu for one in times), 3),
            "recordings_per_second": round(1 / median, 2),
        }
        print(f"{name:24} {compared[name]}")
    return compared


def bound(grader: Grader, measured: Spent, device: torch.device) -> dict[str, float]:
    """How near the network comes to the matrix rate, one recording at a time and many."""
    frame, tiles = grader.bundle.preprocessing.frame.shape, grader.bundle.preprocessing.tiles
    tiles *= len(grader.bundle.poses)
    rate = matrix_rate(device, torch.float32)
    adds = grader.backbone.multiply_adds * tiles * frame[0] * frame[1] / INPUT_SIZE**2
    least = 2 * adds / (rate * 1e9)
    blank = np.zeros((MANY * tiles, *frame, 3), dtype=np.uint8)
    many = several(lambda: grader.backbone.features(blank), 3).wall / MANY
    return {
        "matmul_float32_gflops": round(rate, 1),
        "matmul_bfloat16_gflops": round(matrix_rate(device, torch.bfloat16), 1),
        "network_multiply_adds": round(adds),
        "least_seconds": round(least, 4),
        "share_of_bound": round(least / measured.wall, 3),
        "share_of_bound_many": round(least / many, 3),
        "network_recordings_per_second_many": round(1 / many, 2),
    }


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", type=Path, help="cohort folder that the photos are taken from")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recordings", type=int, default=20, help="of the cohort, to compare precisions on")
    arguments = parser.parse_args()
    bundle = load_bundle(COMMISSIONING_BUNDLE)
    grader = Grader(bundle)
    device = grader.backbone.device
    with tempfile.TemporaryDirectory() as name:
        folder, weights = Path(name, "series"), Path(name, "vgg16.safetensors")
        folder.mkdir()
        write_series(folder, arguments.cohort)
        write_weights(weights)
        regressors = fit_regressors()
        plain = PlainScript(load_file(weights), regressors)
        like = as_bundle(bundle, weights, regressors)
        vgg = {one: Grader(like, weights=weights, precision=one) for one in PRECISIONS}
        rows = compare(
            {
                "facialis": lambda: grade_files(grader, folder),
                "facialis vgg16 float32": lambda: grade_files(vgg["float32"], folder),
                "facialis vgg16 bfloat16": lambda: grade_files(vgg["bfloat16"], folder),
                "script": lambda: plain.grade(folder),
            },
            arguments.repeats,
        )
        steps = stages(grader, folder, arguments.repeats)
        first, memory = alone("-m", "service", "grade", folder, "--side", "L")
        _, script_memory = alone("-m", "benchmarks.plain_script", folder, weights)
    together = sum(step.wall for step in steps.values())
    for step, spent in steps.items():
        share, cpu = spent.wall / together, spent.cpu * 1e3
        print(f"{step:10} {spent.wall * 1e3:7.1f} ms {share:5.0%}  cpu {cpu:7.1f} ms")
    figures = {
        "benchmark": "grading",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "rows": rows,
        "times_the_script": {
            name: round(rows["script"]["seconds"] / row["seconds"], 1) for name, row in rows.items()
        },
        "stages_ms": {step: round(spent.wall * 1e3, 1) for step, spent in steps.items()},
        "stages_cpu_ms": {step: round(spent.cpu * 1e3, 1) for step, spent in steps.items()},
        "limiting_stage": max(steps, key=lambda step: steps[step].wall),
        "network": bound(grader, steps["network"], device),
        "first_grading_seconds": round(first, 2),
        "peak_megabytes": round(memory),
        "script_peak_megabytes": round(script_memory),
    }
    if arguments.cohort:
        figures["bfloat16_against_float32"] = agreement(bundle, arguments.cohort, arguments.recordings)
    print(json.dumps(figures))


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
