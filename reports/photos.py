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
    return None if photo.jpeg is None else decoded(photo.jpeg, f"Photo {photo.pose_number}")


def decoded(jpeg: bytes, what: str) -> ImageReader:
    """A JPEG decoded; raises `ReportPhotoError` that names ``what`` where it is no whole one."""
    try:
        if not jpeg.startswith(_JPEG_START):
            raise OSError("not a JPEG")
        image = ImageReader(io.BytesIO(jpeg))
        image.getRGBData()
    except (OSError, SyntaxError, ValueError) as error:
        raise ReportPhotoError(f"{what} is not a readable JPEG: prepare the recording again") from error
    return image


def grid_width(count: int, high: float, most: float) -> float:
    """The width up to ``most`` at which the grid of so many photos is no higher than ``high``."""
    columns = _columns(count)
    rows = max(1, math.ceil(count / columns))
    return min(most, columns * (high / rows - CAPTION) + (columns - 1) * GAP)


def draw_photos(
    sheet: Sheet, x: float, y: float, wide: float, photos: tuple[ReportPhoto, ...], affected: str | None
) -> float:
    """Draw the grid downward from ``y``; returns the height of its lower end.

    Photos are not mirrored: the patient's right side is on the picture's left. The mark of the ``affected``
    side ("L" or "R") is the darker one.
    """
    columns = _columns(len(photos))
    side = (wide - (columns - 1) * GAP) / columns
    for index, photo in enumerate(photos):
        row, column = divmod(index, columns)
        left, lower = x + column * (side + GAP), y - row * (side + CAPTION) - side
        draw_photo(sheet, left, lower, side, readable(photo), affected)
        caption = sheet.say("photo.caption", number=photo.pose_number, name=pose_name(sheet, photo))
        sheet.lines(left, lower - 8, clip(wrap(caption, REGULAR, SMALL, side), 1), size=SMALL)
    return y - math.ceil(len(photos) / columns) * (side + CAPTION)


def pose_name(sheet: Sheet, photo: ReportPhoto) -> str:
    """What a photo shows, in the report's language or as the site calls it."""
    return sheet.language.known(f"pose.{photo.pose}", photo.pose_name)


def draw_photo(
    sheet: Sheet, left: float, lower: float, side: float, image: ImageReader | None, affected: str | None
) -> None:
    """Draw one square photo with the patient's sides marked, or that it is missing."""
    if image is None:
        _missing(sheet, left, lower, side)
        return
    _picture(sheet, left, lower, side, image)
    _tag(sheet, left, lower, "R", affected == "R")
    _tag(sheet, left + side - _TAG, lower, "L", affected == "L")


def _columns(count: int) -> int:
    return max(_FEWEST_COLUMNS, math.ceil(math.sqrt(count)))


def _picture(sheet: Sheet, left: float, lower: float, side: float, image: ImageReader) -> None:
    sheet.box(left, lower, side, side, fill=TINT)
    sheet.canvas.drawImage(image, left, lower, side, side, preserveAspectRatio=True)
    sheet.box(left, lower, side, side, stroke=HAIRLINE)


def _missing(sheet: Sheet, left: float, lower: float, side: float) -> None:
    sheet.box(left, lower, side, side, fill=TINT, stroke=HAIRLINE)
    sheet.rule(left, lower, left + side, lower + side)
    sheet.rule(left, lower + side, left + side, lower)
    sheet.box(left + side / 2 - 24, lower + side / 2 - 7, 48, 14, fill=TINT)
    sheet.text(
        left + side / 2,
        lower + side / 2 - 2.6,
        sheet.say("photo.missing"),
        size=BODY,
        colour=MUTED,
        align=0.5,
    )


def _tag(sheet: Sheet, left: float, lower: float, side: str, affected: bool) -> None:
    sheet.box(left, lower, _TAG, _TAG, fill=ACCENT if affected else WHITE)
    colour = WHITE if affected else INK
    sheet.text(
        left + _TAG / 2, lower + 2.2, sheet.say(f"side.mark_{side}"), size=SMALL, colour=colour, align=0.5
    )
