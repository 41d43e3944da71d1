"""One item explained in a picture: the photo with what its places add to the score, and a legend in words."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from grading.contributions import Contributions, Part
from grading.face import Photo
from grading.framing import VIEW
from grading.overlay import LOWERS, RAISES, UNIT, Placement, blend, density, paint, scale_end
from grading.protocols import PROTOCOLS
from grading.recipes import Source
from grading.scales import find_item

POSE_NAMES = {pose.code: pose.name for protocol in PROTOCOLS.values() for pose in protocol.poses}
_PANEL = 336
_MARGIN = 16
Colour = tuple[int, int, int]
_INK, _MUTED, _PAPER, _ALERT = (23, 33, 43), (91, 104, 117), (255, 255, 255), (163, 39, 29)
_SIDES = {"R": "right", "L": "left"}
_MOST_PARTS = 9
_KINDS: dict[Source, str] = {"network": "", "movement": ", movement", "asymmetry": ", shape"}


def main_photo(found: Contributions) -> str:
    """The code of the photo that an item is shown on: the item's own, if it was read, else the first read."""
    read = [part.pose for part in found.parts]
    pose = find_item(found.item).pose
    return pose if pose in read else read[0]


def explain(
    found: Contributions, view: Photo, placement: Placement, side: str | None, notice: str = ""
) -> Photo:
    """The picture of one item, (512, 848, 3): the view of its `main_photo` painted, and the legend beside it.

    ``placement`` is that photo's; ``side`` is the affected side that the score assumes. ``notice`` is a line
    that must be read with the picture.
    """
    values = density(found, placement)
    end = scale_end(values)
    picture = Image.new("RGB", (VIEW.width + _PANEL, VIEW.height), _PAPER)
    picture.paste(Image.fromarray(paint(view, values, end)))
    _mark_sides(ImageDraw.Draw(picture), side)
    _legend(picture, found, end, side, notice)
    return np.asarray(picture)


def sums(part: Part) -> tuple[float, ...]:
    """What a part adds up to in each tile, in points; the first is the person's right side."""
    return tuple(float(places.sum()) for places in part.places)


def _mark_sides(draw: ImageDraw.ImageDraw, side: str | None) -> None:
    """The patient's right and left in the lower corners of the photo, the affected side filled."""
    for name, x in (("R", 8), ("L", VIEW.width - 34)):
        affected = name == side
        box = (x, VIEW.height - 34, x + 26, VIEW.height - 8)
        draw.rectangle(box, fill=_INK if affected else _PAPER, outline=_INK)
        middle = (x + 13, VIEW.height - 21)
        draw.text(middle, name, fill=_PAPER if affected else _INK, font=_font(17), anchor="mm")


def _legend(picture: Image.Image, found: Contributions, end: float, side: str | None, notice: str) -> None:
    draw = ImageDraw.Draw(picture)
    x, y = VIEW.width + _MARGIN, _MARGIN
    wide = _PANEL - 2 * _MARGIN
    for text, size, colour in _lines(found, side):
        for line in _wrapped(text, size, wide):
            draw.text((x, y), line, fill=colour, font=_font(size))
            y += round(size * 1.3)
        y += 3
    y += 8
    _scale(picture, x, y, wide, end)
    y += 74
    draw.rectangle((x, y, x + UNIT, y + UNIT), outline=_INK)
    unit = "per square of this size on the photo, a seventh of the eyes' distance wide"
    for number, line in enumerate(_wrapped(unit, 12, wide - 28)):
        draw.text((x + 28, y + 16 * number), line, fill=_MUTED, font=_font(12))
    y += 44
    draw.text((x, y), "Sums in points: right / left half", fill=_MUTED, font=_font(12))
    for number, (name, added) in enumerate(_parts(found)):
        row = y + 18 * (number + 1)
        draw.text((x, row), name, fill=_INK, font=_font(12))
        draw.text((x + wide, row), added, fill=_INK, font=_font(12), anchor="ra")
    draw.text((x, VIEW.height - _MARGIN), notice, fill=_ALERT, font=_font(12), anchor="ls")


def _lines(found: Contributions, side: str | None) -> Iterator[tuple[str, int, Colour]]:
    item = find_item(found.item)
    yield f"{item.id} {item.name}", 17, _INK
    score = min(max(found.score, item.low), item.high)
    yield f"Score {score:.0f} of {item.high:.0f} ({item.direction(score)})", 15, _INK
    whose = "Balanced faces of the training data get" if found.balanced else "Empty maps get"
    total = f"{whose} {found.start:.0f}; what differs here adds {found.score - found.start:+.0f}"
    yield total + ("." if score == found.score else f" and leaves the range: {found.score:.0f}."), 12, _MUTED
    if side:
        yield f"Affected side: the patient's {_SIDES[side]}", 12, _MUTED


def _scale(picture: Image.Image, x: int, y: int, wide: int, end: float) -> None:
    """The colours from the lowest to the highest, as they look on a middle grey."""
    draw = ImageDraw.Draw(picture)
    draw.text((x, y), "lowers the score", fill=LOWERS, font=_font(13))
    draw.text((x + wide, y), "raises the score", fill=RAISES, font=_font(13), anchor="ra")
    ramp = np.tile(np.linspace(-end, end, wide), (16, 1))
    bar = blend(np.full((16, wide, 3), 150, dtype=np.uint8), ramp, end)
    picture.paste(Image.fromarray(bar), (x, y + 20))
    for place, value, anchor in ((x, -end, "la"), (x + wide // 2, 0.0, "ma"), (x + wide, end, "ra")):
        words = f"{value:+g} points" if value > 0 else f"{value:g}"
        draw.text((place, y + 40), words, fill=_INK, font=_font(12), anchor=anchor)


def _parts(found: Contributions) -> Iterator[tuple[str, str]]:
    """The photos and what their halves add, the strongest first; the rest in one line."""
    ordered = sorted(found.parts, key=lambda part: -float(np.abs(part.places).sum()))
    shown = ordered if len(ordered) <= _MOST_PARTS else ordered[: _MOST_PARTS - 1]
    for part in shown:
        yield f"{POSE_NAMES[part.pose]}{_KINDS[part.source]}", _points(sums(part))
    rest = [sums(part) for part in ordered[len(shown) :]]
    if rest:
        yield f"{len(rest)} more", _points(tuple(map(sum, zip(*rest, strict=True))))


def _points(added: tuple[float, ...]) -> str:
    return " / ".join(f"{one:+.1f}" for one in added)


def _wrapped(text: str, size: int, wide: int) -> list[str]:
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if _font(size).getlength(joined) <= wide:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
