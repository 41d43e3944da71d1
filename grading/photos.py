"""Photos from files: one JPEG or PNG as an array, or a folder `1.jpg` ... `9.jpg` as a series."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from grading.errors import PermanentError
from grading.parallel import map_threads
from grading.protocols import JENA9, Pose, Protocol

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})


class UnreadablePhotoError(PermanentError):
    """A file is not an 8-bit JPEG or PNG."""

    code = "photo.unreadable"


class TruncatedPhotoError(PermanentError):
    """A photo's pixel data ends early or is damaged."""

    code = "photo.truncated"


class SeriesError(PermanentError):
    """A folder does not say which file shows which pose."""

    code = "series.ambiguous"


class MissingPoseError(PermanentError):
    """A series lacks poses; ``poses`` are the missing ones in protocol order."""

    code = "series.missing_pose"

    def __init__(self, poses: Sequence[Pose]) -> None:
        self.poses = tuple(poses)
        named = ", ".join(f"{pose.number} {pose.code} ({pose.name})" for pose in self.poses)
        super().__init__(f"the series lacks photo {named}: add it and try again")


def load_photo(path: Path) -> NDArray[np.uint8]:
    """Read a JPEG or PNG as RGB, (H, W, 3) uint8, turned upright as its EXIF orientation says.

    Colours are taken as they are stored; an embedded ICC profile is not applied.

    Raises `UnreadablePhotoError` and `TruncatedPhotoError`, both naming the file.
    """
    with _opened(path) as image:
        _decode(image, path)
        # copies of a whole photo cost more than decoding it: none is made that is not needed
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA")
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def check_photo(path: Path) -> None:
    """Raise what `load_photo` would, at a fraction of the time: JPEG is decoded to an eighth of its size."""
    with _opened(path) as image:
        image.draft("RGB", (image.width // 8, image.height // 8))
        _decode(image, path)


def _opened(path: Path) -> Image.Image:
    try:
        image: Image.Image = Image.open(path, formats=("JPEG", "PNG"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise UnreadablePhotoError(
            f"{path.name} cannot be read as a JPEG or PNG photo: export it again"
        ) from error
    if image.mode not in _EIGHT_BIT_MODES:
        image.close()
        raise UnreadablePhotoError(
            f"{path.name} does not have 8 bits per colour: export it as 8-bit JPEG or PNG"
        )
    return image


def _decode(image: Image.Image, path: Path) -> None:
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise TruncatedPhotoError(
            f"{path.name} is incomplete or damaged: copy it from the camera again"
        ) from error


def series_paths(folder: Path, protocol: Protocol = JENA9) -> dict[str, Path]:
    """The photo file of each pose, by pose code in protocol order.

    A photo's name is its pose's number in the protocol: `1.jpg`, `02.png`. Files that are no JPEG or PNG by
    their suffix and hidden files are passed over.

    Raises `SeriesError` where a photo's name is no number of the protocol or two files share a number, and
    `MissingPoseError` where a required pose has no file.
    """
    if not folder.is_dir():
        raise SeriesError("the series is not a folder of photos: give a folder that holds 1.jpg, 2.jpg, …")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        pose = protocol.by_number.get(int(path.stem)) if path.stem.isdecimal() else None
        if pose is None:
            raise SeriesError(
                f"{path.name} is not named after a photo of {protocol.name}: "
                f"name it 1 to {len(protocol.poses)} or take it out of the folder"
            )
        if pose.code in found:
            raise SeriesError(
                f"{found[pose.code].name} and {path.name} are both photo {pose.number}: keep one of them"
            )
        found[pose.code] = path
    missing = [pose for pose in protocol.required if pose.code not in found]
    if missing:
        raise MissingPoseError(missing)
    return {pose.code: found[pose.code] for pose in protocol.poses if pose.code in found}


def load_series(folder: Path, protocol: Protocol = JENA9) -> dict[str, NDArray[np.uint8]]:
    """The photos of a series by pose code, each as `load_photo` gives it.

    Raises what `series_paths` and `load_photo` raise.
    """
    paths = series_paths(folder, protocol)
    return dict(zip(paths, map_threads(load_photo, paths.values()), strict=True))
