"""Maps of a cohort's photos: the network's activations, movement since the rest photo, asymmetry.

They are kept on disk by content, so that a run that was cut off goes on where it stopped, and several
processes may fill one cache. In a run they are memory-mapped, so that a cohort may be larger than memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grading.cache import Cache, CacheError, content_of
from grading.cohort import Cohort, LabelledRecording
from grading.errors import PermanentError
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import Preprocessing, cut, split
from grading.maps import Maps
from grading.movement import SETTINGS, asymmetry, displacement_shape, movement
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

    Raises `CacheError` where the folder cannot be written to.
    """
    poses, tiles = recipe.poses, recipe.preprocessing.tiles
    count = len(cohort.recordings)
    size = recipe.preprocessing.frame.shape
    store = _Store(cache, backbone, recipe.preprocessing)
    network = store.cache.space((count, len(poses), tiles, *backbone.map_shape(*size)))
    shape = (count, len(poses), tiles, *displacement_shape(*size))
    moving, compared = recipe.reads("movement"), recipe.reads("asymmetry")
    moves = store.cache.space(shape) if moving else None
    unlike = store.cache.space(shape) if compared else None
    usable = np.zeros((count, len(poses)), dtype=np.bool_)
    unusable: list[UnusablePhoto] = []
    waiting: list[_Waiting] = []

    def run_waiting() -> None:
        if waiting:
            crops = np.stack([tile for photo in waiting for tile in split(photo.crop, tiles)])
            rows = backbone.features(crops).reshape(len(waiting), tiles, *network.shape[3:])
            for photo, row in zip(waiting, rows, strict=True):
                network[photo.number, photo.place] = row
                store.keep_network(row, photo.content)
            waiting.clear()

    done = 0
    for number, recording in enumerate(cohort.recordings):
        contents: dict[str, str] = {}
        for place, pose in enumerate(poses):
            try:
                content = contents[pose] = content_of(recording.photos[pose])
                row = store.network(content)
                if row is None:
                    crop = store.crop(content, recording.photos[pose])
                    waiting.append(_Waiting(number, place, content, crop))
                else:
                    network[number, place] = row
                usable[number, place] = True
            except CacheError:
                raise
            except PermanentError as error:
                unusable.append(_unusable(recording, pose, error))
            done += 1
            if progress:
                progress(done, count * len(poses))
        for place, pose in enumerate(poses):
            if not usable[number, place]:
                continue
            if moves is not None and pose in moving and usable[number, poses.index(REST)]:
                moves[number, place] = store.movement(recording, contents, pose)
            if unlike is not None and pose in compared:
                unlike[number, place] = store.asymmetry(recording, contents, pose)
        if len(waiting) >= _BATCH:
            run_waiting()
    run_waiting()
    return CohortMaps(Maps(poses, network, moves, unlike), usable, tuple(unusable))


def lacking(
    cohort: Cohort, backbone: "Backbone", recipe: Recipe, cache: Path
) -> tuple[LabelledRecording, ...]:
    """The recordings of which a cache does not hold everything that a recipe reads.

    A recording with a photo that cannot be used is always among them.
    """
    store = _Store(cache, backbone, recipe.preprocessing)
    return tuple(recording for recording in cohort.recordings if not store.holds(recording, recipe))


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A crop that waits for its batch to fill; ``number`` and ``place`` say where its map belongs."""

    number: int
    place: int
    content: str
    crop: Photo


class _Store:
    """Crops, activations and displacements, from the cache or made now."""

    def __init__(self, folder: Path | None, backbone: "Backbone", preprocessing: Preprocessing) -> None:
        self.cache = Cache(folder)
        self.preprocessing = preprocessing
        self._crops = repr(preprocessing)
        self._network = f"{self._crops} {backbone.name} {backbone.layer} {backbone.weight_hash}"
        self._moves = f"movement {SETTINGS} {self._crops}"
        self._asymmetry = f"asymmetry {SETTINGS} {self._crops}"

    def holds(self, recording: LabelledRecording, recipe: Recipe) -> bool:
        """Whether there is a file of everything that the recipe reads of a recording."""
        contents = {pose: content_of(recording.photos[pose]) for pose in recipe.poses}
        needed: list[tuple[str, ...]] = [(self._network, content) for content in contents.values()]
        needed += [(self._moves, contents[REST], contents[pose]) for pose in recipe.reads("movement")]
        needed += [(self._asymmetry, contents[pose]) for pose in recipe.reads("asymmetry")]
        return all(self.cache.holds(*key) for key in needed)

    def network(self, content: str) -> NDArray[Any] | None:
        """The activations of both tiles of a photo, None where they have to be computed."""
        return self.cache.read(self._network, content)

    def keep_network(self, values: NDArray[np.float32], content: str) -> None:
        """Keep the activations of a photo."""
        self.cache.write(values, self._network, content)

    def crop(self, content: str, path: Path) -> Photo:
        """The crop kept for this content, else cut from the photo now."""
        crop = self.cache.read(self._crops, content)
        if crop is None:
            photo = load_photo(path)
            face = find_face(photo, self.preprocessing.detector_sides)
            eyes = find_eyes(photo, face, self.preprocessing.eye_boxes)
            crop = cut(photo, face, eyes, self.preprocessing)
            self.cache.write(crop, self._crops, content)
        return crop

    def movement(
        self, recording: LabelledRecording, contents: dict[str, str], pose: str
    ) -> NDArray[np.float32]:
        """The movement from rest to ``pose`` in each tile, (tiles, 2, h, w)."""
        kept = self.cache.read(self._moves, contents[REST], contents[pose])
        if kept is None:
            pair = [self._tiles(recording, contents, code) for code in (REST, pose)]
            kept = np.stack([movement(rest, moved) for rest, moved in zip(*pair, strict=True)])
            self.cache.write(kept, self._moves, contents[REST], contents[pose])
        return kept

    def asymmetry(
        self, recording: LabelledRecording, contents: dict[str, str], pose: str
    ) -> NDArray[np.float32]:
        """The asymmetry of ``pose`` in each tile, (2, 2, h, w)."""
        kept = self.cache.read(self._asymmetry, contents[pose])
        if kept is None:
            right, left = self._tiles(recording, contents, pose)
            kept = np.stack([asymmetry(right, left), asymmetry(left, right)])
            self.cache.write(kept, self._asymmetry, contents[pose])
        return kept

    def _tiles(self, recording: LabelledRecording, contents: dict[str, str], pose: str) -> list[Photo]:
        crop = self.crop(contents[pose], recording.photos[pose])
        return split(crop, self.preprocessing.tiles)


def _unusable(recording: LabelledRecording, pose: str, error: PermanentError) -> UnusablePhoto:
    return UnusablePhoto(recording.subject, recording.session, pose, error.code, str(error))
