"""Time per photo of finding the face, cutting it out and running the network.

`python -m benchmarks.preprocessing [--series FOLDER] [--repeats N]`. Without a folder the photos are those of
a phantom, enlarged to 12 megapixels as cameras give them. The peer is the detector on the full photo.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import dlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from grading.backbones import load_backbone
from grading.eyes import find_eyes
from grading.face import find_face
from grading.framing import PAPER_PREPROCESSING, cut
from grading.phantom import draw_series, phantom_patient
from grading.photos import load_series

CAMERA_LONG_SIDE = 4000

Photo = NDArray[np.uint8]


def camera_sized(photo: Photo) -> Photo:
    """The photo enlarged to the long side of a 12-megapixel camera."""
    image = Image.fromarray(photo)
    scale = CAMERA_LONG_SIDE / max(image.size)
    return np.asarray(image.resize((round(image.width * scale), round(image.height * scale))))


def seconds(act: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time of one call, after one call to warm up."""
    act()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print a table, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=Path, help="folder with 1.jpg to 9.jpg")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.series:
        photos = list(load_series(arguments.series).values())
    else:
        patient = phantom_patient(1)
        drawn = draw_series(patient, patient.recordings[0])
        photos = [camera_sized(photo) for photo in drawn.values()]
    photo = photos[0]
    face = find_face(photo)
    eyes = find_eyes(photo, face)
    detector = dlib.get_frontal_face_detector()
    crops = np.stack([cut(one, find_face(one), eyes, PAPER_PREPROCESSING) for one in photos])
    backbone = load_backbone("efficientnet-lite0")
    repeats = arguments.repeats

    detect_full = seconds(lambda: detector(photo, 0), max(1, repeats // 3))
    detect = seconds(lambda: find_face(photo), repeats)
    crop = seconds(lambda: cut(photo, face, eyes, PAPER_PREPROCESSING), repeats)
    features = seconds(lambda: backbone.features(crops), repeats) / len(crops)
    figures = {
        "benchmark": "preprocessing",
        "photo": list(photo.shape[:2]),
        "device": str(backbone.device),
        "threads": torch.get_num_threads(),
        "detect_full_seconds": round(detect_full, 4),
        "detect_seconds": round(detect, 4),
        "detect_times_faster": round(detect_full / detect, 1),
        "crop_seconds": round(crop, 4),
        "features_seconds": round(features, 4),
        "photos_per_second": round(1 / (detect + crop + features), 1),
    }
    for name, value in figures.items():
        print(f"{name:22} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
