"""Maps of a cohort's photos: the network's activations and the movement since the rest photo.

They are kept on disk by content, so that a run that was cut off goes on where it stopped, and several
processes may fill one cache. In a run they are memory-mapped, so that a cohort may be larger than memory.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grading.cohort import Cohort, LabelledRecording
from grading.errors import PermanentError
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import Preprocessing, cut, split
from grading.maps import Maps
from grading.movement import movement, movement_shape
from grading.photos import load_photo
from grading.recipes import REST, Recipe

if TYPE_CHECKING:
    from grading.backbones import Backbone

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
class CohortMaps:
    """Maps of a cohort, one row per recording in the cohort's order.

    ``usable`` (n, poses) says which photos gave any: the maps of the others are zero, and their photos are
    among ``unusable``.
    """

    maps: Maps
    usable: NDArray[np.bool_]
    unusable: tuple[UnusablePhoto, ...]


def cohort_maps(
    cohort: Cohort,
    backbone: "Backbone",
    recipe: Recipe,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> CohortMaps:
    """Compute what a recipe reads of every recording; photos without one clear face are reported.

    ``cache`` is a folder that keeps crops and maps under a hash of the photo's bytes and of everything that
    made them. ``progress`` counts photos.
    """
    poses, tiles = recipe.poses, recipe.preprocessing.tiles
    count = len(cohort.recordings)
    size = recipe.preprocessing.frame.shape
    store = _Store(cache, backbone, recipe.preprocessing)
    network = _space((count, len(poses), tiles, *backbone.map_shape(*size)), cache)
    moves = (
        _space((count, len(poses), tiles, *movement_shape(*size)), cache) if recipe.reads_movement else None
    )
    usable = np.zeros((count, len(poses)), dtype=np.bool_)
    unusable: list[UnusablePhoto] = []
    waiting: list[_Waiting] = []

    def run_waiting() -> None:
        if waiting:
            crops = np.stack([tile for photo in waiting for tile in split(photo.crop, tiles)])
            rows = backbone.features(crops).reshape(len(waiting), tiles, *network.shape[3:])
            for photo, row in zip(waiting, rows, strict=True):
                network[photo.number, photo.place] = row
                store.write(row, store.network, photo.content)
            waiting.clear()

    done = 0
    for number, recording in enumerate(cohort.recordings):
        contents: dict[str, str] = {}
        for place, pose in enumerate(poses):
            try:
                content = contents[pose] = _content(recording.photos[pose])
                row = store.read(store.network, content)
                if row is None:
                    crop = store.crop(content, recording.photos[pose])
                    waiting.append(_Waiting(number, place, content, crop))
                else:
                    network[number, place] = row
                usable[number, place] = True
            except PermanentError as error:
                unusable.append(_unusable(recording, pose, error))
            done += 1
            if progress:
                progress(done, count * len(poses))
        if moves is not None and usable[number, poses.index(REST)]:
            for place, pose in enumerate(poses):
                if usable[number, place] and pose in recipe.moves:
                    moves[number, place] = store.movement(recording, contents, pose)
        if len(waiting) >= _BATCH:
            run_waiting()
    run_waiting()
    return CohortMaps(Maps(poses, network, moves), usable, tuple(unusable))


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A crop that waits for its batch to fill; ``number`` and ``place`` say where its map belongs."""

    number: int
    place: int
    content: str
    crop: Photo


class _Store:
    """Crops and maps by content; with no folder it keeps nothing."""

    def __init__(self, folder: Path | None, backbone: "Backbone", preprocessing: Preprocessing) -> None:
        self._folder = folder
        self._preprocessing = preprocessing
        self._crops = repr(preprocessing)
        self.network = f"{self._crops} {backbone.name} {backbone.layer} {backbone.weight_hash}"

    def crop(self, content: str, path: Path) -> Photo:
        """The crop kept for this content, else cut from the photo now."""
        crop = self.read(self._crops, content)
        if crop is None:
            photo = load_photo(path)
            face = find_face(photo, self._preprocessing.detector_sides)
            crop = cut(photo, face, find_eyes(photo, face), self._preprocessing)
            self.write(crop, self._crops, content)
        return crop

    def movement(
        self, recording: LabelledRecording, contents: dict[str, str], pose: str
    ) -> NDArray[np.float32]:
        """The movement from rest to ``pose`` in each tile, (tiles, 2, h, w)."""
        made_by = f"movement {self._crops}"
        kept = self.read(made_by, contents[REST], contents[pose])
        if kept is None:
            pair = [
                split(self.crop(contents[code], recording.photos[code]), self._preprocessing.tiles)
                for code in (REST, pose)
            ]
            kept = np.stack([movement(rest, moved) for rest, moved in zip(*pair, strict=True)])
            self.write(kept, made_by, contents[REST], contents[pose])
        return kept

    def _path(self, made_by: str, contents: Sequence[str]) -> Path | None:
        if self._folder is None:
            return None
        key = hashlib.sha256(" ".join((*contents, made_by)).encode()).hexdigest()
        return self._folder / key[:2] / f"{key}.npy"

    def read(self, made_by: str, *contents: str) -> NDArray[Any] | None:
        """What was kept; None where there is nothing, or it is damaged and has to be made anew."""
        path = self._path(made_by, contents)
        if path is None or not path.exists():
            return None
        try:
            kept: NDArray[Any] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return kept

    def write(self, values: NDArray[Any], made_by: str, *contents: str) -> None:
        """Keep values whole or not at all."""
        path = self._path(made_by, contents)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.{os.getpid()}.part.npy")
        np.save(partial, values, allow_pickle=False)
        partial.replace(path)


def _space(shape: tuple[int, ...], folder: Path | None) -> NDArray[np.float32]:
    """Zeros: in memory, or with a cache folder in a file there that vanishes with the array."""
    if folder is None or 0 in shape:
        return np.zeros(shape, dtype=np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def _content(path: Path) -> str:
    # A missing or unreadable file is left for load_photo to name.
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return f"unreadable {path}"


def _unusable(recording: LabelledRecording, pose: str, error: PermanentError) -> UnusablePhoto:
    return UnusablePhoto(recording.subject, recording.session, pose, error.code, str(error))
