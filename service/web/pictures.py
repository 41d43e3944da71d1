"""Pictures that are made when somebody looks: photos before they are prepared, and maps of scores."""

import io
from pathlib import Path

from PIL import Image

from dicom.pixels import decode_photo
from service.kept_maps import KeptMap

SIDE = 512
"""Pixels, as the views of prepared photos have."""


def small_photo(path: Path) -> bytes:
    """A received photo as JPEG, whole and as it was sent, at most `SIDE` pixels on each side.

    Raises:
        PermanentError: the object holds no picture that can be shown; see `dicom.pixels`.
    """
    image = Image.fromarray(decode_photo(path))
    image.thumbnail((SIDE, SIDE))
    return _jpeg(image)


def painted_jpeg(kept: KeptMap) -> bytes:
    """The map of a score over its photo."""
    picture, _ = kept.painted()
    return _jpeg(Image.fromarray(picture))


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
