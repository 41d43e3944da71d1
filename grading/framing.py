"""Cutting a face out of its photo as the network wants it.

Two frames: the paper's, a square around the detector's box (Raj et al., Section 4.2: zero-padded, 224 x 224),
and one laid by the eyes, which are brought level and to a fixed distance, so that the same place of the crop
is the same place of every face. Beside a crop may stand its twin, the face's other side mirrored: crop and
twin show the two halves in the same way, ready to be compared.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grading.eyes import BOXES, Eyes
from grading.face import DETECTOR_SIDES, FaceBox, Photo


@dataclass(frozen=True)
class BoxFrame:
    """A square around the face's box.

    ``margin``: what is added to the box on each side, as a share of its longer side, so that raised brows
    and the chin stay inside. ``size``: side of the crop in pixels.
    """

    margin: float = 0.15
    size: int = 224

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crop in pixels."""
        return self.size, self.size


@dataclass(frozen=True)
class EyeFrame:
    """A rectangle laid by the eyes, all in pixels of the crop.

    ``distance``: between the eyes. ``eye_line``: the row on which they lie. ``midline``: the column half-way
    between them. The default shows one half of the face, from the ear over the midline, forehead to chin.
    """

    height: int = 352
    width: int = 160
    distance: int = 112
    eye_line: int = 129
    midline: int = 128

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crop in pixels."""
        return self.height, self.width


@dataclass(frozen=True)
class SteadyFrame(EyeFrame):
    """The same, laid by eyes that are averaged over several ``boxes``, see `find_eyes`.

    A kind of its own, so that bundles of before keep what they say of themselves, and with it their hash.
    """

    boxes: int = BOXES


Frame = BoxFrame | EyeFrame
Vector = NDArray[np.float64]

VIEW = EyeFrame(height=512, width=512, distance=128, eye_line=208, midline=256)
"""What people look at: the whole head, eyes level, the same size in every photo whatever the model."""


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a crop; kept in the bundle, so that a model sees the crops it was trained on.

    ``detector_sides``: see `find_face`. ``twin``: whether the mirrored other side stands to the right of the
    crop, doubling its width.
    """

    frame: Frame
    twin: bool
    detector_sides: tuple[int, ...] = DETECTOR_SIDES

    @property
    def tiles(self) -> int:
        """How many views of a face a crop holds: itself, and its twin."""
        return 2 if self.twin else 1

    @property
    def eye_boxes(self) -> int:
        """Over how many boxes the eyes are averaged, see `find_eyes`."""
        return self.frame.boxes if isinstance(self.frame, SteadyFrame) else 1


PAPER_PREPROCESSING = Preprocessing(BoxFrame(), twin=False)
"""The paper's way."""

PREPROCESSING = Preprocessing(SteadyFrame(), twin=True)
"""Both halves of the face, laid by the eyes, side by side."""


def cut(photo: Photo, face: FaceBox, eyes: Eyes, preprocessing: Preprocessing) -> Photo:
    """The crop (H, W * tiles, 3) uint8 of a photo (H, W, 3), black where it leaves the photo.

    The first tile shows the person's right side (or the whole face, as the frame reaches), the second the
    left side mirrored.
    """
    frame = preprocessing.frame
    if isinstance(frame, BoxFrame):
        crop = _cut_box(photo, face, frame)
        return np.hstack([crop, crop[:, ::-1]]) if preprocessing.twin else crop
    if not preprocessing.twin:
        return _cut_level(photo, eyes, frame)
    # Both tiles show the midline: the face is drawn once, symmetrically about it, and they are cut from that.
    half = max(frame.midline, frame.width - frame.midline)
    whole = _cut_level(photo, eyes, replace(frame, width=2 * half, midline=half))
    shown = slice(half - frame.midline, half - frame.midline + frame.width)
    return np.hstack([whole[:, shown], whole[:, ::-1][:, shown]])


def view(photo: Photo, eyes: Eyes) -> Photo:
    """The whole head for people to look at: (512, 512, 3) uint8, eyes level, black outside the photo."""
    return _cut_level(photo, eyes, VIEW)


def split(crop: Photo, tiles: int) -> list[Photo]:
    """The tiles of a crop, from left to right."""
    return np.split(crop, tiles, axis=1)


def leaves_photo(photo: Photo, face: FaceBox, eyes: Eyes, frame: Frame) -> bool:
    """Whether part of a whole-face crop would lie outside the photo."""
    height, width = photo.shape[:2]
    if isinstance(frame, BoxFrame):
        return not square(face, frame.margin).inside(photo)
    centre, across, down = _axes(eyes, frame)
    corners = [
        centre + across * (x - frame.midline) + down * (y - frame.eye_line)
        for x in (0, 2 * frame.midline)
        for y in (0, frame.height)
    ]
    return any(not (0 <= x <= width and 0 <= y <= height) for x, y in corners)


def covered(photo: Photo, eyes: Eyes, frame: EyeFrame) -> NDArray[np.bool_]:
    """Which pixels of the first tile of a crop (H, W) lie within the photo."""
    centre, across, down = _axes(eyes, frame)
    columns, rows = np.arange(frame.width) - frame.midline, np.arange(frame.height) - frame.eye_line
    x, y = (centre[axis] + rows[:, None] * down[axis] + columns * across[axis] for axis in (0, 1))
    return np.asarray((x >= 0) & (x <= photo.shape[1]) & (y >= 0) & (y <= photo.shape[0]))


def square(box: FaceBox, margin: float) -> FaceBox:
    """The square around the same centre; its side is the box's longer one, plus ``margin`` twice."""
    side = round(max(box.width, box.height) * (1 + 2 * margin))
    left = round((box.left + box.right - side) / 2)
    top = round((box.top + box.bottom - side) / 2)
    return FaceBox(left, top, left + side, top + side)


def _axes(eyes: Eyes, frame: EyeFrame) -> tuple[Vector, Vector, Vector]:
    """The point between the eyes, and the steps in photo pixels of one crop pixel to the right and down."""
    across = (np.array(eyes.left) - np.array(eyes.right)) / frame.distance
    down = np.array([-across[1], across[0]])
    return np.array(eyes.middle), across, down


def _cut_level(photo: Photo, eyes: Eyes, frame: EyeFrame) -> Photo:
    centre, across, down = _axes(eyes, frame)
    corner = centre - across * frame.midline - down * frame.eye_line
    # A crop much smaller than its part of the photo is drawn from a reduced copy: bicubic alone would alias.
    factor = max(1, int(eyes.distance / frame.distance))
    start, stop = _reach(photo, corner, across * frame.width, down * frame.height, factor)
    if not np.all(start < stop):
        return np.zeros((*frame.shape, 3), dtype=np.uint8)
    # Only what the crop shows is copied and reduced: a face fills but a part of its photo.
    image = Image.fromarray(photo[start[1] : stop[1], start[0] : stop[0]]).reduce(factor)
    across, down, origin = across / factor, down / factor, (corner - start) / factor
    matrix = (across[0], down[0], origin[0], across[1], down[1], origin[1])
    size = (frame.width, frame.height)
    return np.asarray(image.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))


def _reach(
    photo: Photo, corner: Vector, across: Vector, down: Vector, factor: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last + 1 column and row of the photo's part that a crop with this corner and these edges
    shows, with what bicubic needs around it; whole blocks of ``factor`` pixels, but where the photo ends."""
    corners = np.array([corner, corner + across, corner + down, corner + across + down])
    blocks = np.floor(corners.min(axis=0) / factor) - 3, np.ceil(corners.max(axis=0) / factor) + 3
    start, stop = (np.clip(edge.astype(int) * factor, 0, photo.shape[1::-1]) for edge in blocks)
    return start, stop


def _cut_box(photo: Photo, face: FaceBox, frame: BoxFrame) -> Photo:
    """The square region of a photo, zeros where it leaves the photo, resized with antialiasing."""
    place = square(face, frame.margin)
    height, width = photo.shape[:2]
    region = np.zeros((place.height, place.width, 3), dtype=np.uint8)
    top, bottom = max(place.top, 0), min(place.bottom, height)
    left, right = max(place.left, 0), min(place.right, width)
    if top < bottom and left < right:
        region[top - place.top : bottom - place.top, left - place.left : right - place.left] = photo[
            top:bottom, left:right
        ]
    resized = Image.fromarray(region).resize((frame.size, frame.size), Image.Resampling.BICUBIC)
    return np.asarray(resized)
