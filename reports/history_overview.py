"""The first page of a history: the course of the sub-scores, what happened when, and the recordings."""

from reports import words
from reports.course import GROUPS, course_notes, draw_course, point_name, with_interval
from reports.fonts import BOLD, REGULAR
from reports.history_content import HistoryEvent, HistoryReport, HistoryVisit
from reports.plot import Box
from reports.sheet import BODY, FOOT, INK, LEFT, MUTED, SMALL, TINT, Sheet, clip, fitting_size, leading, wrap

_CHART_HEIGHT = 210.0
_ROW = 11.0
_MOST_EVENTS = 8


def draw_overview(sheet: Sheet, y: float, history: HistoryReport) -> None:
    """Draw the page below the height ``y``."""
    y -= 13
    sheet.heading(LEFT, y, "course")
    if not history.visits:
        y = _say(sheet, y - 14, sheet.say("history.none_graded"))
    else:
        draw_course(sheet, Box(LEFT, y - 4, sheet.paper.measure, _CHART_HEIGHT), history.course)
        y = _say(sheet, y - _CHART_HEIGHT - 16, course_notes(sheet, history.course))
    y = _events(sheet, y - 8, history.events)
    _visits(sheet, y - 8, history)


def _say(sheet: Sheet, y: float, text: str) -> float:
    return sheet.lines(LEFT, y, wrap(text, REGULAR, SMALL, sheet.paper.measure), size=SMALL, colour=MUTED)


def _events(sheet: Sheet, y: float, events: tuple[HistoryEvent, ...]) -> float:
    sheet.heading(LEFT, y, "events")
    y -= leading(BODY) + 2
    if not events:
        return _say(sheet, y, sheet.say("history.no_events"))
    shown = events[-_MOST_EVENTS:]
    for event in shown:
        sheet.text(LEFT, y, sheet.language.day(event.on), font=BOLD)
        lines = clip(wrap(_event(sheet, event), REGULAR, BODY, sheet.paper.measure - 70), 1)
        y = sheet.lines(LEFT + 62, y, lines)
    if len(shown) < len(events):
        y = _say(sheet, y, sheet.say("words.and_more", count=len(events) - len(shown)))
    return y


def _event(sheet: Sheet, event: HistoryEvent) -> str:
    if event.kind == "surgery":
        name = event.label or sheet.say("surgery.no_procedure")
    else:
        name = sheet.language.known(f"event.{event.kind}", event.kind)
        # What somebody noted of it is said too, where it is more than its kind.
        name = f"{name}: {event.label}" if event.label != event.kind else name
    return (
        sheet.say("event.line", kind=name, side=words.side(sheet.language, event.side))
        if event.side
        else name
    )


def _visits(sheet: Sheet, y: float, history: HistoryReport) -> None:
    sheet.heading(LEFT, y, "visits")
    y -= leading(BODY) + 3
    for place, key, align in _columns(sheet):
        sheet.text(place, y, sheet.say(key), size=SMALL, colour=MUTED, align=align)
    sheet.rule(LEFT, y - 3, sheet.paper.right, y - 3, colour=INK)
    y -= 3 + _ROW - 3
    room = int((y - FOOT - 2 * leading(SMALL)) / _ROW)
    visits, left_out = history.visits, 0
    if len(visits) > room:
        visits, left_out = (visits[0], *visits[-(room - 1) :]), len(visits) - room
    for number, visit in enumerate(visits):
        if number % 2 == 0:
            sheet.box(LEFT, y - 3, sheet.paper.measure, _ROW, fill=TINT)
        _visit(sheet, y, visit)
        y -= _ROW
    notes = [sheet.say("course.left_out", count=left_out)] if left_out else []
    for key, count in (("history.undated", history.undated), ("history.ungraded", history.ungraded)):
        notes += [sheet.language.counted(key, count)] if count else []
    _say(sheet, y - 2, " ".join(notes))


def _columns(sheet: Sheet) -> tuple[tuple[float, str, float], ...]:
    wide = sheet.paper.measure
    return (
        (LEFT + 4, "history.date", 0.0),
        (LEFT + 0.13 * wide, "history.time", 0.0),
        (LEFT + 0.42 * wide, "history.static", 1.0),
        (LEFT + 0.58 * wide, "history.dynamic", 1.0),
        (LEFT + 0.62 * wide, "history.model", 0.0),
        (LEFT + 0.8 * wide, "history.signed", 0.0),
    )


def _visit(sheet: Sheet, y: float, visit: HistoryVisit) -> None:
    point = visit.point
    cells = (
        sheet.language.day(point.recorded_on),
        point_name(sheet, point),
        *(with_interval(point, group) or sheet.say("words.none") for group in GROUPS),
        visit.model,
        visit.signed_by or sheet.say("history.draft"),
    )
    places = [*_columns(sheet), (sheet.paper.right, "", 0.0)]
    for (place, _, align), following, text in zip(places, places[1:], cells, strict=False):
        room = 0.15 * sheet.paper.measure if align else following[0] - place - 6
        size = fitting_size(text, REGULAR, BODY, 5.4, room)
        lines = clip(wrap(text, REGULAR, size, room), 1)
        sheet.text(place, y, "".join(lines), size=size, align=align)
