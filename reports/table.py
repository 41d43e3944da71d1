"""The table of graded items."""

import math
from dataclasses import dataclass

from grading.scales import BALANCED, DYNAMIC_ITEMS, STATIC_ITEMS, Item
from reports import words
from reports.charts import AXIS_END, axis_position, draw_item, draw_ungraded
from reports.content import RecordingReport, ReportItem
from reports.fonts import BOLD, REGULAR
from reports.sheet import BODY, INK, LEFT, MEASURE, MUTED, RIGHT, SMALL, TINT, Sheet, clip, leading, wrap

PROVISIONAL = "†"
NONE = "–"
CHANCE = 1.96 * math.sqrt(2) / math.sqrt(2 / math.pi)
_ROW = 15.8
NOT_GRADED = "not graded"
_GROUPS = (
    ("Static: the face at rest", STATIC_ITEMS),
    ("Dynamic: the face in movement", DYNAMIC_ITEMS),
)


@dataclass(frozen=True)
class _Column:
    """``x`` is where its text starts, is centred or ends, as ``align`` says."""

    title: str
    x: float
    align: float


_ID = _Column("Item", LEFT + 4, 0)
_NAME = _Column("", LEFT + 24, 0)
_VALUE = _Column("Score", LEFT + 186, 1)
_RANGE = _Column("Range", LEFT + 193, 0)
_DIRECTION = _Column("In words", LEFT + 353, 0)
_ERROR = _Column("Known error", LEFT + 457, 1)
_PHOTO = _Column("Photo", LEFT + 480, 0.5)
_CHANGE = _Column("Change", RIGHT - 4, 1)
_COLUMNS = (_ID, _NAME, _VALUE, _RANGE, _DIRECTION, _ERROR, _PHOTO, _CHANGE)
_BAR_X, _BAR_WIDE = LEFT + 228, 114.0


def change(graded: ReportItem) -> str:
    """Points gained or lost since the first recording, between the numbers as printed."""
    if graded.first_value is None:
        return NONE
    return words.signed(round(graded.value) - round(graded.first_value))


def may_be_chance(graded: ReportItem) -> bool:
    """Whether the change since the first recording is one that errors alone would often make.

    With normal errors of standard deviation s the minimal detectable change (95 %) is 1.96 √2 s, and the
    mean absolute error is √(2/π) s: together `CHANCE` times the known error.
    """
    if graded.first_value is None or graded.known_error is None:
        return True
    return abs(graded.value - graded.first_value) <= CHANCE * graded.known_error


def in_words(graded: ReportItem) -> str:
    """Which way the score deviates, with `PROVISIONAL` where the wording awaits confirmation."""
    direction = graded.item.direction(graded.value)
    marked = graded.item.provisional and direction != graded.item.direction(BALANCED)
    return f"{direction} {PROVISIONAL}" if marked else direction


def draw_items(sheet: Sheet, y: float, report: RecordingReport) -> float:
    """Draw head, rows and footnotes downward from ``y``; returns the height of their lower end.

    All twelve items have a row; one that the report does not hold is said to be not graded.
    """
    graded = {graded.item.id: graded for graded in report.items}
    y = _head(sheet, y)
    for title, items in _GROUPS:
        sheet.text(_ID.x, y - 10, title, size=SMALL, font=BOLD, colour=MUTED)
        y -= 13
        for index, item in enumerate(items):
            if index % 2 == 0:
                sheet.box(LEFT, y - _ROW, MEASURE, _ROW, fill=TINT)
            _row(sheet, y - _ROW / 2, item, graded.get(item.id))
            y -= _ROW
    sheet.rule(LEFT, y, RIGHT, y)
    return _footnotes(sheet, y - 9, report)


def _head(sheet: Sheet, y: float) -> float:
    for column in _COLUMNS:
        sheet.text(column.x, y, column.title, size=SMALL, colour=MUTED, align=column.align)
    for score in (0.0, BALANCED, AXIS_END):
        x = axis_position(score, _BAR_X, _BAR_WIDE)
        sheet.text(x, y, f"{score:.0f}", size=SMALL, colour=MUTED, align=0.5)
    sheet.rule(LEFT, y - 4, RIGHT, y - 4, colour=INK)
    return y - 4


def _row(sheet: Sheet, middle: float, item: Item, graded: ReportItem | None) -> None:
    base = middle - 2.7
    sheet.text(_ID.x, base, item.id, font=BOLD)
    room = _VALUE.x - _NAME.x - 18
    sheet.lines(_NAME.x, base, clip(wrap(item.name, REGULAR, BODY, room), 1))
    score = NONE if graded is None else f"{graded.value:.0f}"
    sheet.text(_VALUE.x, base, score, size=8.8, font=BOLD, align=1)
    sheet.text(_RANGE.x, base, f"{item.low:.0f}–{item.high:.0f}", size=SMALL, colour=MUTED)
    if graded is None:
        draw_ungraded(sheet, _BAR_X, middle, _BAR_WIDE, item)
        sheet.text(_DIRECTION.x, base, NOT_GRADED, font=BOLD)
        return
    draw_item(sheet, _BAR_X, middle, _BAR_WIDE, graded)
    sheet.text(_DIRECTION.x, base, in_words(graded))
    error = NONE if graded.known_error is None else f"±{graded.known_error:.0f}"
    sheet.text(_ERROR.x, base, error, align=1)
    sheet.text(_PHOTO.x, base, NONE if graded.photo_number is None else str(graded.photo_number), align=0.5)
    chance = may_be_chance(graded)
    font, colour = (REGULAR, MUTED) if chance else (BOLD, INK)
    sheet.text(_CHANGE.x, base, change(graded), font=font, colour=colour, align=1)


def _footnotes(sheet: Sheet, y: float, report: RecordingReport) -> float:
    notes = ["100 is balanced. Bar: the score; whisker: the known error; ring: the first recording."]
    if any(PROVISIONAL in in_words(graded) for graded in report.items):
        notes.append(f"{PROVISIONAL} Wording provisional, not yet confirmed against the scale's own.")
    if any(graded.known_error is not None for graded in report.items):
        measured = "on simulated palsy" if report.model.commissioning else "in cross-validation"
        notes.append(f"Known error: the model's mean absolute error of the item {measured}, in points.")
    else:
        notes.append("Known error: not measured for this model.")
    if report.first_recorded_on is None:
        notes.append("Change: no earlier recording was graded by this model.")
    else:
        notes.append(
            f"Change: points since the first recording, {report.first_recorded_on.isoformat()}; bold where "
            f"more than {CHANCE:.1f} times the known error, else it may be chance."
        )
    lines = wrap(" ".join(notes), REGULAR, SMALL, MEASURE)
    return sheet.lines(LEFT, y, lines, size=SMALL, colour=MUTED) + leading(SMALL)
