"""The table of graded items."""

from dataclasses import dataclass

from grading.scales import BALANCED, DYNAMIC_ITEMS, STATIC_ITEMS, Item
from reports import words
from reports.charts import AXIS_END, axis_position, draw_item, draw_ungraded
from reports.content import RecordingReport, ReportItem
from reports.flags import clipped_items
from reports.fonts import BOLD, REGULAR, width
from reports.sheet import (
    ACCENT,
    BODY,
    INK,
    LEFT,
    MUTED,
    SMALL,
    TINT,
    WHITE,
    Sheet,
    clip,
    fitting_size,
    leading,
    wrap,
)

PROVISIONAL = "†"
CLIPPED = "‡"
_ROW = 15.4
_TIGHT = 5.4
_GROUPS = (("table.static", STATIC_ITEMS), ("table.dynamic", DYNAMIC_ITEMS))
_NAME_ROOM = 138.0
_MODEL_ROOM = 22.0


@dataclass(frozen=True)
class _Column:
    """``x`` is where its text starts, is centred or ends, as ``align`` says, from the left edge."""

    key: str
    x: float
    align: float


_ID = _Column("table.item", 4, 0)
_MODEL = _Column("table.model", 152, 1)
_VALUE = _Column("table.score", 174, 1)
_INTERVAL = _Column("table.interval", 194, 0.5)
_RANGE = _Column("table.range", 212, 0)
_DIRECTION = _Column("table.words", 307, 0)
_ERROR = _Column("table.error", 380, 1)
_PHOTO = _Column("table.photo", 393, 0.5)
_CHANGE = _Column("table.change", 428, 1)
_MDC = _Column("table.mdc", 446, 1)
_VERDICT = _Column("table.verdict", 451, 0)
_COLUMNS = (_ID, _VALUE, _INTERVAL, _RANGE, _DIRECTION, _ERROR, _PHOTO, _CHANGE, _MDC, _VERDICT)
_NAME_X = 19.0
_BAR_X, _BAR_WIDE = LEFT + 240, 56.0
HEIGHT = 18 + len(_GROUPS) * 13 + (len(STATIC_ITEMS) + len(DYNAMIC_ITEMS)) * _ROW
"""Of head and rows; the footnotes follow below."""


def change(graded: ReportItem) -> str | None:
    """Points gained or lost since the first recording, between the numbers as printed."""
    if graded.first_value is None:
        return None
    return words.signed(round(graded.value) - round(graded.first_value))


def is_real(graded: ReportItem) -> bool:
    """Whether the change since the first recording is more than measurement error."""
    if graded.first_value is None or graded.mdc is None:
        return False
    return abs(graded.value - graded.first_value) > graded.mdc


def in_words(sheet: Sheet, graded: ReportItem) -> str:
    """Which way the score deviates, with `PROVISIONAL` where the wording awaits confirmation.

    A clinician's score comes before the model's.
    """
    score = graded.value if graded.rated is None else graded.rated
    said = words.direction(sheet.language, graded.item, score)
    marked = graded.item.provisional and abs(score - graded.item.normal) > words.TOLERANCE
    return f"{said} {PROVISIONAL}" if marked else said


def draw_items(sheet: Sheet, y: float, report: RecordingReport) -> float:
    """Draw head, rows and footnotes downward from ``y``; returns the height of their lower end.

    All twelve items have a row; one that the report does not hold is said to be not graded.
    """
    graded = {graded.item.id: graded for graded in report.items}
    clipped = set(clipped_items(report.flags))
    rated = any(one.rated is not None for one in report.items)
    y = _head(sheet, y, rated)
    for key, items in _GROUPS:
        sheet.text(LEFT + _ID.x, y - 10, sheet.say(key), size=SMALL, font=BOLD, colour=MUTED)
        y -= 13
        for index, item in enumerate(items):
            if index % 2 == 0:
                sheet.box(LEFT, y - _ROW, sheet.paper.measure, _ROW, fill=TINT)
            _row(sheet, y - _ROW / 2, item, graded.get(item.id), item.id in clipped, rated)
            y -= _ROW
    sheet.rule(LEFT, y, sheet.paper.right, y)
    return _footnotes(sheet, y - 9, report)


def _head(sheet: Sheet, y: float, rated: bool) -> float:
    for column in (*_COLUMNS, *([_MODEL] if rated else [])):
        sheet.text(LEFT + column.x, y, sheet.say(column.key), size=SMALL, colour=MUTED, align=column.align)
    for score in (0.0, BALANCED, AXIS_END):
        x = axis_position(score, _BAR_X, _BAR_WIDE)
        sheet.text(x, y, f"{score:.0f}", size=SMALL, colour=MUTED, align=0.5)
    sheet.rule(LEFT, y - 4, sheet.paper.right, y - 4, colour=INK)
    return y - 4


def _row(
    sheet: Sheet, middle: float, item: Item, graded: ReportItem | None, clipped: bool, rated: bool
) -> None:
    base = middle - 2.7
    none = sheet.say("words.none")
    sheet.text(LEFT + _ID.x, base, item.id, font=BOLD)
    room = _NAME_ROOM - (_MODEL_ROOM if rated else 0)
    name = sheet.say(f"item.{item.id}")
    size = fitting_size(name, REGULAR, BODY, _TIGHT, room)
    sheet.lines(LEFT + _NAME_X, base, clip(wrap(name, REGULAR, size, room), 1), size=size)
    sheet.text(LEFT + _RANGE.x, base, f"{item.low:.0f}–{item.high:.0f}", size=SMALL, colour=MUTED)
    if graded is None:
        sheet.text(LEFT + _VALUE.x, base, none, size=8.8, font=BOLD, align=1)
        draw_ungraded(sheet, _BAR_X, middle, _BAR_WIDE, item)
        sheet.text(LEFT + _DIRECTION.x, base, sheet.say("table.not_graded"), font=BOLD)
        return
    _score(sheet, middle, graded, CLIPPED if clipped else "")
    draw_item(sheet, _BAR_X, middle, _BAR_WIDE, graded)
    said = in_words(sheet, graded)
    room = _ERROR.x - _DIRECTION.x - 18
    sheet.text(LEFT + _DIRECTION.x, base, said, size=fitting_size(said, REGULAR, BODY, _TIGHT, room))
    if graded.interval is not None:
        low, high = graded.interval
        sheet.text(LEFT + _INTERVAL.x, base, f"{low:.0f}–{high:.0f}", align=0.5)
    error = none if graded.known_error is None else f"±{graded.known_error:.0f}"
    sheet.text(LEFT + _ERROR.x, base, error, align=1)
    photo = none if graded.photo_number is None else str(graded.photo_number)
    sheet.text(LEFT + _PHOTO.x, base, photo, align=0.5)
    font, colour = (BOLD, INK) if is_real(graded) else (REGULAR, MUTED)
    sheet.text(LEFT + _CHANGE.x, base, change(graded) or none, font=font, colour=colour, align=1)
    sheet.text(LEFT + _MDC.x, base, none if graded.mdc is None else f"{graded.mdc:.0f}", align=1)
    _verdict(sheet, middle, none if graded.verdict is None else sheet.say(f"verdict.{graded.verdict}"))


def _score(sheet: Sheet, middle: float, graded: ReportItem, mark: str) -> None:
    """The score: the clinician's in white on blue with the model's small beside it, else the model's."""
    base, x = middle - 2.7, LEFT + _VALUE.x
    modelled = f"{graded.value:.0f}{mark}"
    if graded.rated is None:
        sheet.text(x, base, modelled, size=8.8, font=BOLD, align=1)
        return
    rated = f"{graded.rated:.0f}"
    wide = width(rated, BOLD, 8.8)
    sheet.box(x - wide - 2, middle - 5.6, wide + 4, 11.2, fill=ACCENT, radius=1.5)
    sheet.text(x, base, rated, size=8.8, font=BOLD, colour=WHITE, align=1)
    sheet.text(LEFT + _MODEL.x, base, modelled, colour=MUTED, align=1)


def _verdict(sheet: Sheet, middle: float, verdict: str) -> None:
    """Write a verdict on one line, or smaller on two."""
    room = sheet.paper.right - LEFT - _VERDICT.x - 2
    size = fitting_size(verdict, REGULAR, SMALL, _TIGHT, room - 0.5)
    lines = clip(wrap(verdict, REGULAR, size, room), 2)
    sheet.lines(LEFT + _VERDICT.x, middle + (1 if len(lines) > 1 else -2.5), lines, size=size)


def _footnotes(sheet: Sheet, y: float, report: RecordingReport) -> float:
    lines = wrap(" ".join(_notes(sheet, report)), REGULAR, SMALL, sheet.paper.measure)
    return sheet.lines(LEFT, y, lines, size=SMALL, colour=MUTED) + leading(SMALL)


def footnotes_height(sheet: Sheet, report: RecordingReport) -> float:
    """Height of what stands below the table."""
    lines = wrap(" ".join(_notes(sheet, report)), REGULAR, SMALL, sheet.paper.measure)
    return 9 + len(lines) * leading(SMALL)


def _notes(sheet: Sheet, report: RecordingReport) -> list[str]:
    notes = [sheet.say("table.note_bar")]
    if any(PROVISIONAL in in_words(sheet, graded) for graded in report.items):
        notes.append(sheet.say("table.note_provisional", mark=PROVISIONAL))
    if clipped_items(report.flags):
        notes.append(sheet.say("table.note_clipped", mark=CLIPPED))
    if any(graded.known_error is not None for graded in report.items):
        simulated = report.model.commissioning
        notes.append(sheet.say("table.note_error_simulated" if simulated else "table.note_error"))
    else:
        notes.append(sheet.say("table.note_error_unknown"))
    if report.first_recorded_on is None:
        notes.append(sheet.say("table.note_first"))
    else:
        notes.append(sheet.say("table.note_change", date=sheet.language.day(report.first_recorded_on)))
    if report.raters:
        notes.append(sheet.say("table.note_rated", raters=", ".join(report.raters)))
    return notes
