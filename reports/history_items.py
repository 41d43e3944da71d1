"""The courses of the twelve items, small and on one line of time, so that they can be compared."""

from grading.scales import BALANCED, PREDICTED_ITEMS, Item
from reports.course import baseline_of
from reports.fonts import BOLD, REGULAR
from reports.history_content import HistoryReport
from reports.plot import Box, Reading, Scale, Series, draw_plot
from reports.sheet import ACCENT, BODY, FOOT, LEFT, MUTED, SMALL, Sheet, fitting_size, leading, wrap

_COLUMNS = 3
_GAP = 12.0
_TITLE = 11.0


def draw_item_courses(sheet: Sheet, y: float, history: HistoryReport) -> None:
    """Draw the page below the height ``y``."""
    y -= 13
    sheet.heading(LEFT, y, "item_course")
    y -= 6
    notes = wrap(sheet.say("history.items_note"), REGULAR, SMALL, sheet.paper.measure)
    rows = -(-len(PREDICTED_ITEMS) // _COLUMNS)
    wide = (sheet.paper.measure - (_COLUMNS - 1) * _GAP) / _COLUMNS
    high = (y - FOOT - len(notes) * leading(SMALL) - 4) / rows
    for number, item in enumerate(PREDICTED_ITEMS):
        row, column = divmod(number, _COLUMNS)
        box = Box(LEFT + column * (wide + _GAP), y - row * high, wide, high - 4)
        _draw_item(sheet, box, item, history)
    sheet.lines(LEFT, FOOT + (len(notes) - 1) * leading(SMALL) + 2, notes, size=SMALL, colour=MUTED)


def _draw_item(sheet: Sheet, box: Box, item: Item, history: HistoryReport) -> None:
    title = f"{item.id}  {sheet.say(f'item.{item.id}')}"
    size = fitting_size(title, BOLD, BODY, 5.4, box.wide)
    sheet.text(box.x, box.y - 8, title, size=size, font=BOLD)
    readings = tuple(
        Reading(visit.point.days, visit.items[item.id], visit.intervals.get(item.id), visit.point.model)
        for visit in history.visits
        if item.id in visit.items
    )
    grid = (0.0, BALANCED, item.high) if item.two_sided else (0.0, item.high / 2, item.high)
    place = Box(box.x, box.y - _TITLE, box.wide, box.high - _TITLE)
    series = Series(readings, ACCENT, _band(history, item))
    draw_plot(sheet, place, Scale(item.high, grid, balanced=item.normal), [series], history.course.marks)


def _band(history: HistoryReport, item: Item) -> tuple[float, float] | None:
    baseline, mdc = baseline_of(history.course), history.mdc.get(item.id)
    if baseline is None or mdc is None:
        return None
    score = history.visits[history.course.points.index(baseline)].items.get(item.id)
    return None if score is None else (score - mdc, score + mdc)
