"""Every score of every recording as a table: what the courses of the items show, in numbers."""

from itertools import accumulate

from grading.scales import PREDICTED_ITEMS
from reports.course import GROUPS, point_name
from reports.fonts import BOLD, REGULAR
from reports.history_content import HistoryReport, HistoryVisit
from reports.sheet import BODY, FOOT, INK, LEFT, MUTED, SMALL, TINT, Sheet, clip, leading, wrap

_ROW = 11.0
_WHEN = 0.22
"""Share of a line for the date and the timepoint."""
_WIDER = 1.6


def draw_values(sheet: Sheet, y: float, history: HistoryReport) -> None:
    """Draw the table below the height ``y``; what finds no room is counted."""
    y -= 13
    sheet.heading(LEFT, y, "values")
    y -= leading(BODY) + 3
    names = [sheet.say(f"history.{group}") for group in GROUPS] + [item.id for item in PREDICTED_ITEMS]
    places = _places(sheet, len(names))
    for place, name in zip(places, names, strict=True):
        sheet.text(place, y, name, size=SMALL, colour=MUTED, align=1)
    sheet.text(LEFT + 4, y, sheet.say("history.date"), size=SMALL, colour=MUTED)
    sheet.rule(LEFT, y - 3, sheet.paper.right, y - 3, colour=INK)
    y -= 3 + _ROW - 3
    room = int((y - FOOT - leading(SMALL)) / _ROW)
    visits, left_out = history.visits, 0
    if len(visits) > room:
        visits, left_out = (visits[0], *visits[-(room - 1) :]), len(visits) - room
    for number, visit in enumerate(visits):
        if number % 2 == 0:
            sheet.box(LEFT, y - 3, sheet.paper.measure, _ROW, fill=TINT)
        _draw_visit(sheet, y, visit, places)
        y -= _ROW
    if left_out:
        sheet.text(LEFT, y, sheet.say("course.left_out", count=left_out), size=SMALL, colour=MUTED)


def values_height(history: HistoryReport) -> float:
    """Height of the whole table with its heading."""
    return 13 + leading(BODY) + 3 + (len(history.visits) + 1) * _ROW


def _places(sheet: Sheet, columns: int) -> list[float]:
    """Where the columns of numbers end; those of the sub-scores, whose names are words, are the wider."""
    begin, wide = LEFT + _WHEN * sheet.paper.measure, (1 - _WHEN) * sheet.paper.measure
    shares = [_WIDER if column < len(GROUPS) else 1.0 for column in range(columns)]
    return [begin + wide * end / sum(shares) - 3 for end in accumulate(shares)]


def _draw_visit(sheet: Sheet, y: float, visit: HistoryVisit, places: list[float]) -> None:
    day = sheet.language.day(visit.point.recorded_on)
    end = sheet.text(LEFT + 4, y, day, size=SMALL, font=BOLD)
    room = LEFT + _WHEN * sheet.paper.measure - end - 4
    sheet.lines(end + 4, y, clip(wrap(point_name(sheet, visit.point), REGULAR, SMALL, room), 1), size=SMALL)
    scores = [visit.point.scores.get(group) for group in GROUPS]
    scores += [visit.items.get(item.id) for item in PREDICTED_ITEMS]
    for number, (place, score) in enumerate(zip(places, scores, strict=True)):
        font = BOLD if number < len(GROUPS) else REGULAR
        sheet.text(place, y, sheet.say("words.none") if score is None else f"{score:.0f}", font=font, align=1)
