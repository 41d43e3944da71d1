"""The exact parts of the scores of a grading: kept when it is graded, painted when somebody looks at them.

`facialis-data/files/maps/ab/<SHA-256 of the grading's UID>.safetensors` holds the parts of all its items, in
the format of `grading.contribution_files`; `Grading.maps_key` names the file. They are painted over the views
of the photos (`Photo.view_key`) without PyTorch, so that reports, pages and DICOM objects can each have the
pictures they need.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from grading.contribution_files import contributions_from_bytes, contributions_to_bytes
from grading.contributions import Contributions
from grading.described_recipes import restore_recipe
from grading.explanation import explain, main_photo
from grading.eyes import Eyes
from grading.face import FaceBox
from grading.face import Photo as Pixels
from grading.overlay import Placement, density, paint, scale_end
from grading.scales import find_item
from service.records.models import Grading, Photo
from service.storage import Storage, content_key


@dataclass(frozen=True, eq=False)
class KeptMap:
    """The parts of one score with the photo to show them on.

    ``view`` (512, 512, 3) is the photo of the pose ``pose``, not mirrored; ``side`` the affected side that
    the score assumes.
    """

    found: Contributions
    pose: str
    view: Pixels
    placement: Placement
    side: str | None

    def painted(self) -> tuple[Pixels, float]:
        """The view in grey with the parts over it, and the points at the end of the colours' scale.

        The points are per square of a seventh of the eyes' distance, see `grading.overlay`.
        """
        values = density(self.found, self.placement)
        end = scale_end(values)
        return paint(self.view, values, end), end

    def explained(self, notice: str = "") -> Pixels:
        """The painted view with an English legend beside it, (512, 848, 3)."""
        return explain(self.found, self.view, self.placement, self.side, notice)


def keep_maps(storage: Storage, grading_uid: str, found: Iterable[Contributions]) -> str:
    """Store the parts of a grading's scores; returns the key under which they lie."""
    digest = hashlib.sha256(grading_uid.encode()).hexdigest()
    key = content_key("maps", digest, "safetensors")
    storage.write(key, contributions_to_bytes(found))
    return key


def deviating_items(scores: dict[str, float], most: int, tolerance: float = 5.0) -> list[str]:
    """Ids of the items furthest from a normal face's score, the furthest first; balanced ones are left out.

    ``tolerance``: points within which an item counts as balanced, as in `Item.direction`.
    """
    distances = {item: abs(score - find_item(item).normal) for item, score in scores.items()}
    found = [item for item in scores if distances[item] > tolerance]
    return sorted(found, key=lambda item: -distances[item])[:most]


def kept_maps(storage: Storage, grading: Grading, items: Iterable[str]) -> list[KeptMap]:
    """The maps of some items of a grading, in their order; those that cannot be shown any more are left out.

    An item has none where the grading is older than they were kept, where its file or the photo's view is
    gone from the storage, or where the photo was prepared before the eyes were kept.

    Raises `DamagedContributionsError`.
    """
    if grading.maps_key is None:
        return []
    try:
        parts = contributions_from_bytes(storage.read(grading.maps_key))
    except FileNotFoundError:
        return []
    frame = restore_recipe(grading.bundle.manifest["recipe"]).preprocessing.frame
    photos = {photo.pose: photo for photo in grading.recording.photos}
    shown = []
    for found in (parts[item] for item in items if item in parts):
        pose = main_photo(found)
        photo = photos.get(pose)
        view = _view(storage, photo) if photo else None
        if photo is None or photo.face is None or photo.eyes is None or view is None:
            continue
        eyes = Eyes(tuple(photo.eyes["right"]), tuple(photo.eyes["left"]))
        placement = Placement(frame, FaceBox(**photo.face), eyes)
        shown.append(KeptMap(found, pose, view, placement, grading.side))
    return shown


def _view(storage: Storage, photo: Photo) -> Pixels | None:
    if photo.view_key is None:
        return None
    try:
        with Image.open(io.BytesIO(storage.read(photo.view_key))) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        return None
