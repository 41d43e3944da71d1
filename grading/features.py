"""Activations of a cohort's photos, kept on disk so that a second run need not compute them again."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grading.backbones import Backbone
from grading.cohort import Cohort, LabelledRecording
from grading.errors import PermanentError
from grading.face import Photo, Preprocessing, crop_face, find_face
from grading.photos import load_photo

Progress = Callable[[int, int], None]
"""Told how many steps of how many are done."""

_BATCH = 32


@dataclass(frozen=True)
class UnusablePhoto:
    """A photo that no face could be cut from, and why."""

    subject: str
    session: str
    pose: str
    code: str
    reason: str


@dataclass(frozen=True, eq=False)
class CohortFeatures:
    """Activations of a cohort, one row per recording in the cohort's order.

    ``activations`` are (n, C * H * W) float32 by pose code; ``usable`` says by pose code which rows (n,) hold
    any: the others are zero, and their photos are among ``unusable``.
    """

    activations: Mapping[str, NDArray[np.float32]]
    usable: Mapping[str, NDArray[np.bool_]]
    unusable: tuple[UnusablePhoto, ...]


def cohort_features(
    cohort: Cohort,
    backbone: Backbone,
    preprocessing: Preprocessing,
    poses: Sequence[str],
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> CohortFeatures:
    """Run the photos of ``poses`` through the backbone; photos without one clear face are reported.

    ``cache`` is a folder that keeps crops and activations under a hash of the photo's bytes and of everything
    that made them. ``progress`` counts photos.
    """
    store = _Store(cache, backbone, preprocessing)
    count = len(cohort.recordings)
    size = int(np.prod(backbone.shape))
    activations = {pose: np.zeros((count, size), dtype=np.float32) for pose in poses}
    usable = {pose: np.zeros(count, dtype=np.bool_) for pose in poses}
    unusable: list[UnusablePhoto] = []
    waiting: list[_Waiting] = []

    def run_waiting() -> None:
        if waiting:
            rows = backbone.features(np.stack([photo.crop for photo in waiting])).reshape(len(waiting), -1)
            for photo, row in zip(waiting, rows, strict=True):
                activations[photo.pose][photo.number] = row
                store.keep_activations(photo.content, row)
            waiting.clear()

    places = [(number, pose) for number in range(count) for pose in poses]
    for done, (number, pose) in enumerate(places, start=1):
        recording = cohort.recordings[number]
        try:
            content = _content(recording.photos[pose])
            row = store.activations(content)
            if row is None:
                waiting.append(_Waiting(number, pose, content, store.crop(content, recording.photos[pose])))
            else:
                activations[pose][number] = row
            usable[pose][number] = True
        except PermanentError as error:
            unusable.append(_unusable(recording, pose, error))
        if len(waiting) == _BATCH:
            run_waiting()
        if progress:
            progress(done, len(places))
    run_waiting()
    return CohortFeatures(activations, usable, tuple(unusable))


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A crop that waits for its batch to fill."""

    number: int
    pose: str
    content: str
    crop: Photo


class _Store:
    """Crops and activations by content; with no folder it keeps nothing."""

    def __init__(self, folder: Path | None, backbone: Backbone, preprocessing: Preprocessing) -> None:
        self._folder = folder
        self._preprocessing = preprocessing
        self._crops = repr(preprocessing)
        self._network = f"{self._crops} {backbone.name} {backbone.layer} {backbone.weight_hash}"

    def activations(self, content: str) -> NDArray[np.float32] | None:
        return self._read(content, self._network)

    def keep_activations(self, content: str, row: NDArray[np.float32]) -> None:
        self._write(content, self._network, row)

    def crop(self, content: str, path: Path) -> Photo:
        """The crop kept for this content, else cut from the photo now."""
        crop = self._read(content, self._crops)
        if crop is None:
            photo = load_photo(path)
            crop = crop_face(photo, find_face(photo, self._preprocessing), self._preprocessing)
            self._write(content, self._crops, crop)
        return crop

    def _path(self, content: str, made_by: str) -> Path | None:
        if self._folder is None:
            return None
        key = hashlib.sha256(f"{content} {made_by}".encode()).hexdigest()
        return self._folder / key[:2] / f"{key}.npy"

    def _read(self, content: str, made_by: str) -> NDArray[Any] | None:
        path = self._path(content, made_by)
        if path is None or not path.exists():
            return None
        try:
            kept: NDArray[Any] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            # a damaged file of a cache is made anew
            return None
        return kept

    def _write(self, content: str, made_by: str, values: NDArray[Any]) -> None:
        path = self._path(content, made_by)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.{os.getpid()}.part.npy")
        np.save(partial, values, allow_pickle=False)
        partial.replace(path)


def _content(path: Path) -> str:
    # A missing or unreadable file is left for load_photo to name.
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return f"unreadable {path}"


def _unusable(recording: LabelledRecording, pose: str, error: PermanentError) -> UnusablePhoto:
    return UnusablePhoto(recording.subject, recording.session, pose, error.code, str(error))
