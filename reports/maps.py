"""What made the scores that deviate most: the parts of each score over its photo, and the same in numbers."""

from reportlab.lib.colors import Color

from grading.scales import find_item
from reports import words
from reports.content import RecordingReport, ReportMap, ReportMaps
from reports.fonts import BOLD, REGULAR
from reports.photos import decoded, draw_photo
from reports.sheet import INK, LEFT, MUTED, SMALL, Sheet, clip, fitting_size, leading, wrap

MOST = 4
_GAP = 6.0
_LEGEND = 92.0
_BAR_HIGH = 7.0
_STEPS = 24
_OPACITY = 0.8
"""Of the strongest colour, as the maps are painted (`grading.overlay`)."""
_GREY = 0.62


def maps_height(sheet: Sheet, maps: ReportMaps) -> float:
    """Height of the section below its heading."""
    if not maps.maps:
        return 2 * leading(SMALL)
    return _side(sheet) + 4 * leading(SMALL) + 2


def draw_maps(sheet: Sheet, y: float, report: RecordingReport) -> float:
    """Draw the maps downward from ``y``; returns the height of their lower end."""
    maps = report.maps
    if not maps.maps:
        why = sheet.say("maps.none_deviates" if maps.kept else "maps.none_kept")
        return sheet.lines(LEFT, y - leading(SMALL), wrap(why, REGULAR, SMALL, sheet.paper.measure))
    side = _side(sheet)
    x = LEFT
    for shown in maps.maps[:MOST]:
        image = decoded(shown.jpeg, f"The map of {shown.item}")
        draw_photo(sheet, x, y - side, side, image, report.affected_side)
        _caption(sheet, x, y - side - leading(SMALL), side, shown)
        x += side + _GAP
    _legend(sheet, sheet.paper.right - _LEGEND, y, maps)
    return y - maps_height(sheet, maps)


def _side(sheet: Sheet) -> float:
    return (sheet.paper.measure - _LEGEND - MOST * _GAP - 4) / MOST


def _caption(sheet: Sheet, x: float, y: float, wide: float, shown: ReportMap) -> None:
    """The item, its score as a sum, and what the halves of the face add: the picture in numbers."""
    title = f"{shown.item} {sheet.say(f'item.{shown.item}')}"
    size = fitting_size(title, BOLD, SMALL, 5.0, wide * 2)
    y = sheet.lines(x, y, clip(wrap(title, BOLD, size, wide), 2), size=size, font=BOLD)
    start, end = round(shown.start), round(shown.total)
    total = sheet.say("maps.sum", score=end, start=start, added=words.signed(end - start))
    item = find_item(shown.item)
    if not item.low <= end <= item.high:
        total = sheet.say("maps.clipped", sum=total)
    size = fitting_size(total, REGULAR, SMALL, 5.0, wide)
    y = sheet.lines(x, y, clip(wrap(total, REGULAR, size, wide), 1), size=size)
    if shown.halves is not None:
        right, left = (words.signed(round(half)) for half in shown.halves)
        halves = sheet.say("maps.halves", right=right, left=left)
        size = fitting_size(halves, REGULAR, SMALL, 5.0, wide)
        sheet.lines(x, y, clip(wrap(halves, REGULAR, size, wide), 1), size=size, colour=MUTED)


def _legend(sheet: Sheet, x: float, y: float, maps: ReportMaps) -> None:
    raises, lowers = (Color(*(part / 255 for part in rgb)) for rgb in (maps.raises, maps.lowers))
    top = y - leading(SMALL) + 2
    sheet.text(x, top, sheet.say("maps.lowers"), size=SMALL, font=BOLD, colour=lowers)
    sheet.text(
        x + _LEGEND,
        top - leading(SMALL),
        sheet.say("maps.raises"),
        size=SMALL,
        font=BOLD,
        colour=raises,
        align=1,
    )
    bar = top - 2 * leading(SMALL) - 4
    step = _LEGEND / _STEPS
    for number in range(_STEPS):
        strength = 2 * (number + 0.5) / _STEPS - 1
        tone = _blended(raises if strength > 0 else lowers, abs(strength) * _OPACITY)
        sheet.box(x + number * step, bar, step + 0.2, _BAR_HIGH, fill=tone)
    for place, value, align in ((0.0, -maps.end, 0.0), (0.5, 0.0, 0.5), (1.0, maps.end, 1.0)):
        label = f"{value:+g}" if value else "0"
        sheet.text(x + place * _LEGEND, bar - 8, label, size=SMALL, colour=INK, align=align)
    notes = sheet.say("maps.scale"), sheet.say("maps.explain" if maps.balanced else "maps.explain_empty")
    below = bar - 18
    for note in notes:
        below = sheet.lines(x, below, wrap(note, REGULAR, 5.6, _LEGEND), size=5.6, colour=MUTED) - 2


def _blended(colour: Color, share: float) -> Color:
    return Color(*(_GREY * (1 - share) + part * share for part in (colour.red, colour.green, colour.blue)))
