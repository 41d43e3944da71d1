"""How often dlib's frontal detector finds exactly one face in a phantom's photo, and how long drawing takes.

    python benchmarks/phantom_detection.py --photos 2000 --seed 0

Every photo shows another random face, so the sample spans skin tones, ages, hair, lights, palsies; the nine
poses take turns. The detector sees a copy whose long side has 480 pixels, without upsampling, as the first
try of `grading.face.find_face`. The last line is one JSON object.
"""

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import dlib
import numpy as np
from PIL import Image

from grading.phantom import HEALTHY, draw_photo, random_anatomy, random_palsy
from grading.protocols import JENA9

LONG_SIDE = 480
CHUNK = 20


def examine(seed: int, numbers: range) -> list[tuple[int, str, int, float, float]]:
    """Per photo: its number, pose, faces found, the face's melanin (0-1) and CPU seconds spent drawing."""
    detector = dlib.get_frontal_face_detector()
    results = []
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        anatomy = random_anatomy(rng)
        palsy = HEALTHY if number % 4 == 0 else random_palsy(rng)
        pose = JENA9.poses[number % len(JENA9.poses)].code
        start = time.process_time()
        photo = Image.fromarray(draw_photo(anatomy, palsy, pose, rng))
        seconds = time.process_time() - start
        photo.thumbnail((LONG_SIDE, LONG_SIDE))
        results.append((number, pose, len(detector(np.asarray(photo), 0)), anatomy.melanin, seconds))
    return results


def all_results(photos: int, seed: int) -> Iterator[tuple[int, str, int, float, float]]:
    """The results of all photos, drawn on every core."""
    chunks = [range(start, min(start + CHUNK, photos)) for start in range(0, photos, CHUNK)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(examine, [seed] * len(chunks), chunks):
            yield from results


def main() -> None:
    """Draw, detect, print the failures and the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found: Counter[int] = Counter()
    failures: Counter[str] = Counter()
    drawing = 0.0
    for number, pose, faces, melanin, seconds in all_results(arguments.photos, arguments.seed):
        found[min(faces, 2)] += 1
        drawing += seconds
        if faces != 1:
            failures[pose] += 1
            print(f"photo {number} {pose}: {faces} faces, melanin {melanin:.2f}", flush=True)
    for pose, count in failures.most_common():
        print(f"{pose}: {count} failures")
    figures = {
        "photos": arguments.photos,
        "exactly_one": found[1],
        "share": found[1] / arguments.photos,
        "none": found[0],
        "several": found[2],
        "cpu_seconds_per_photo": round(drawing / arguments.photos, 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
