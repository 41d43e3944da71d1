"""The table of graded items."""

from dataclasses import dataclass

from grading.scales import BALANCED, DYNAMIC_ITEMS, STATIC_ITEMS, Item
from reports import words
from reports.charts import AXIS_END, axis_position, draw_item, draw_ungraded
from reports.content import RecordingReport, ReportItem
from reports.fonts import BOLD, REGULAR
from reports.sheet import (
    BODY,
    INK,
    LEFT,
    MEASURE,
    MUTED,
    RIGHT,
    SMALL,
    TINT,
    Sheet,
    clip,
    fitting_size,
    leading,
    wrap,
)

PROVISIONAL = "†"
NONE = "–"
_ROW = 15.8
_TIGHT = 5.4
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
_NAME = _Column("", LEFT + 19, 0)
_VALUE = _Column("Score", LEFT + 174, 1)
_INTERVAL = _Column("90 %", LEFT + 193.5, 0.5)
_RANGE = _Column("Range", LEFT + 212, 0)
_DIRECTION = _Column("In words", LEFT + 303, 0)
_ERROR = _Column("Error", LEFT + 373, 1)
_PHOTO = _Column("Photo", LEFT + 387, 0.5)
_CHANGE = _Column("Change", LEFT + 421, 1)
_MDC = _Column("MDC", LEFT + 440, 1)
_VERDICT = _Column("The change is", LEFT + 446, 0)
_COLUMNS = (
    _ID,
    _NAME,
    _VALUE,
    _INTERVAL,
    _RANGE,
    _DIRECTION,
    _ERROR,
    _PHOTO,
    _CHANGE,
    _MDC,
    _VERDICT,
)
_BAR_X, _BAR_WIDE = LEFT + 236, 60.0


def change(graded: ReportItem) -> str:
    """Points gained or lost since the first recording, between the numbers as printed."""
    if graded.first_value is None:
        return NONE
    return words.signed(round(graded.value) - round(graded.first_value))


def is_real(graded: ReportItem) -> bool:
    """Whether the change since the first recording is more than measurement error."""
    if graded.first_value is None or graded.mdc is None:
        return False
    return abs(graded.value - graded.first_value) > graded.mdc


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
    if graded.interval is not None:
        low, high = graded.interval
        sheet.text(_INTERVAL.x, base, f"{low:.0f}–{high:.0f}", align=0.5)
    error = NONE if graded.known_error is None else f"±{graded.known_error:.0f}"
    sheet.text(_ERROR.x, base, error, align=1)
    sheet.text(_PHOTO.x, base, NONE if graded.photo_number is None else str(graded.photo_number), align=0.5)
    font, colour = (BOLD, INK) if is_real(graded) else (REGULAR, MUTED)
    sheet.text(_CHANGE.x, base, change(graded), font=font, colour=colour, align=1)
    sheet.text(_MDC.x, base, NONE if graded.mdc is None else f"{graded.mdc:.0f}", align=1)
    _verdict(sheet, middle, graded.verdict or NONE)


def _verdict(sheet: Sheet, middle: float, verdict: str) -> None:
    """Write a verdict on one line, or smaller on two."""
    room = RIGHT - _VERDICT.x - 2
    size = fitting_size(verdict, REGULAR, SMALL, _TIGHT, room - 0.5)
    lines = clip(wrap(verdict, REGULAR, size, room), 2)
    sheet.lines(_VERDICT.x, middle + (1 if len(lines) > 1 else -2.5), lines, size=size)


def _footnotes(sheet: Sheet, y: float, report: RecordingReport) -> float:
    notes = [
        "100 is balanced. Bar: the score; whisker: its 90 % prediction interval; ring: the first recording."
    ]
    if any(PROVISIONAL in in_words(graded) for graded in report.items):
        notes.append(f"{PROVISIONAL} Wording provisional, not yet confirmed against the scale's own.")
    if any(graded.known_error is not None for graded in report.items):
        measured = "on simulated palsy" if report.model.commissioning else "in cross-validation"
        notes.append(f"Error: the model's mean absolute error of the item {measured}, in points.")
    else:
        notes.append("Error: not measured for this model.")
    if report.first_recorded_on is None:
        notes.append("Change: no earlier recording was graded by this model.")
    else:
        notes.append(
            f"Change: points since the first recording, {report.first_recorded_on.isoformat()}; bold where "
            "more than the MDC, the minimal detectable change."
        )
    lines = wrap(" ".join(notes), REGULAR, SMALL, MEASURE)
    return sheet.lines(LEFT, y, lines, size=SMALL, colour=MUTED) + leading(SMALL)
