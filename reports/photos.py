"""The photos of the series in equal squares, with the patient's sides marked."""

import io
import math

from reportlab.lib.utils import ImageReader

from reports.content import ReportPhoto
from reports.errors import ReportPhotoError
from reports.fonts import REGULAR
from reports.sheet import ACCENT, BODY, HAIRLINE, INK, MUTED, SMALL, TINT, WHITE, Sheet, clip, wrap

CAPTION = 12.0
GAP = 6.0
_FEWEST_COLUMNS = 3
_TAG = 9.0
_JPEG_START = b"\xff\xd8\xff"


def readable(photo: ReportPhoto) -> ImageReader | None:
    """The photo decoded, None where it is missing; raises `ReportPhotoError` where it is no whole JPEG."""
    if photo.jpeg is None:
        return None
    try:
        if not photo.jpeg.startswith(_JPEG_START):
            raise OSError("not a JPEG")
        image = ImageReader(io.BytesIO(photo.jpeg))
        image.getRGBData()
    except (OSError, SyntaxError, ValueError) as error:
        raise ReportPhotoError(
            f"Photo {photo.pose_number} is not a readable JPEG: prepare the recording again"
        ) from error
    return image


def draw_photos(
    sheet: Sheet, x: float, y: float, wide: float, photos: tuple[ReportPhoto, ...], affected: str | None
) -> float:
    """Draw the grid downward from ``y``; returns the height of its lower end.

    Photos are not mirrored: the patient's right side is on the picture's left. The mark of the ``affected``
    side ("L" or "R") is the darker one.
    """
    columns = max(_FEWEST_COLUMNS, math.ceil(math.sqrt(len(photos))))
    side = (wide - (columns - 1) * GAP) / columns
    for index, photo in enumerate(photos):
        row, column = divmod(index, columns)
        left, lower = x + column * (side + GAP), y - row * (side + CAPTION) - side
        image = readable(photo)
        if image is None:
            _missing(sheet, left, lower, side)
        else:
            _picture(sheet, left, lower, side, image)
            _tag(sheet, left, lower, "R", affected == "R")
            _tag(sheet, left + side - _TAG, lower, "L", affected == "L")
        caption = clip(wrap(f"{photo.pose_number}  {photo.pose_name}", REGULAR, SMALL, side - 6), 1)
        sheet.lines(left, lower - 8, caption, size=SMALL)
    return y - math.ceil(len(photos) / columns) * (side + CAPTION)


def _picture(sheet: Sheet, left: float, lower: float, side: float, image: ImageReader) -> None:
    sheet.box(left, lower, side, side, fill=TINT)
    sheet.canvas.drawImage(image, left, lower, side, side, preserveAspectRatio=True)
    sheet.box(left, lower, side, side, stroke=HAIRLINE)


def _missing(sheet: Sheet, left: float, lower: float, side: float) -> None:
    sheet.box(left, lower, side, side, fill=TINT, stroke=HAIRLINE)
    sheet.rule(left, lower, left + side, lower + side)
    sheet.rule(left, lower + side, left + side, lower)
    sheet.box(left + side / 2 - 24, lower + side / 2 - 7, 48, 14, fill=TINT)
    sheet.text(left + side / 2, lower + side / 2 - 2.6, "missing", size=BODY, colour=MUTED, align=0.5)


def _tag(sheet: Sheet, left: float, lower: float, letter: str, affected: bool) -> None:
    sheet.box(left, lower, _TAG, _TAG, fill=ACCENT if affected else WHITE)
    colour = WHITE if affected else INK
    sheet.text(left + _TAG / 2, lower + 2.2, letter, size=SMALL, colour=colour, align=0.5)
