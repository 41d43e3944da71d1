"""The sub-scores over the months from the surgery with the band of measurement error; the same as a table."""

from collections.abc import Sequence

from reportlab.lib.colors import Color

from reports import words
from reports.content import Course, CourseMark, CoursePoint
from reports.fonts import REGULAR
from reports.plot import Box, Reading, Scale, Series, draw_plot
from reports.sheet import (
    ACCENT,
    INK,
    LEFT,
    MUTED,
    SECOND,
    SMALL,
    Sheet,
    clip,
    fitting_size,
    leading,
    wrap,
)

GROUPS = ("static", "dynamic")
_COLOURS: dict[str, Color] = {"static": ACCENT, "dynamic": SECOND}
_DASHES: dict[str, tuple[float, ...]] = {"static": (), "dynamic": (3, 2)}
_GRID = (0.0, 25.0, 50.0, 75.0, 100.0)
_HIGHEST = 100.0


def draw_course(sheet: Sheet, box: Box, course: Course) -> None:
    """Draw the chart: a line and a band per sub-score."""
    unit = sheet.say("course.months" if course.from_surgery else "course.months_first")
    series = [_series(course, group) for group in GROUPS]
    names = [mark_name(sheet, mark) for mark in course.marks]
    draw_plot(sheet, box, Scale(_HIGHEST, _GRID, unit), series, course.marks, names)
    x, y = box.x + 18, box.y - box.high + 4
    for group in GROUPS:
        sheet.path([(x, y), (x + 14, y)], colour=_COLOURS[group], weight=1.2, dashes=_DASHES[group])
        x = sheet.text(x + 17, y - 2, sheet.say(f"summary.{group}"), size=SMALL) + 10


def _series(course: Course, group: str) -> Series:
    readings = tuple(
        Reading(point.days, point.scores[group], point.intervals.get(group), point.model)
        for point in course.points
        if group in point.scores
    )
    mdc, baseline = course.mdc.get(group), baseline_of(course)
    band = None
    if baseline is not None and mdc is not None and group in baseline.scores:
        band = (baseline.scores[group] - mdc, baseline.scores[group] + mdc)
    return Series(readings, _COLOURS[group], band, _DASHES[group], square=group != GROUPS[0])


def baseline_of(course: Course) -> CoursePoint | None:
    """The point that changes refer to: the one that the course names, else the newest model's first."""
    if course.baseline is not None:
        return course.points[course.baseline]
    newest = max((point.model for point in course.points), default=0)
    return next((point for point in course.points if point.model == newest), None)


def mark_name(sheet: Sheet, mark: CourseMark) -> str:
    """What a surgery or event is called."""
    if mark.kind == "surgery":
        return mark.label or sheet.say("surgery.no_procedure")
    return sheet.language.known(f"event.{mark.kind}", mark.label)


def draw_course_table(sheet: Sheet, x: float, y: float, wide: float, course: Course, most: int) -> float:
    """Write the points of the chart as a table of at most so many rows; returns the baseline after it.

    The first stays and the last ones; how many between them are left out is said.
    """
    columns = (x, x + wide * 0.24, x + wide * 0.79, x + wide)
    heads = ("course.date", "course.time", "summary.static", "summary.dynamic")
    for place, key, align in zip(columns, heads, (0, 0, 1, 1), strict=True):
        sheet.text(place, y, sheet.say(key), size=SMALL, colour=MUTED, align=align)
    sheet.rule(x, y - 3, x + wide, y - 3, colour=INK)
    y -= 3 + leading(SMALL)
    points, left_out = ends_of(course.points, most)
    for point in points:
        sheet.text(columns[0], y, sheet.language.day(point.recorded_on), size=SMALL)
        lines = clip(wrap(point_name(sheet, point), REGULAR, SMALL, wide * 0.3), 1)
        sheet.lines(columns[1], y, lines, size=SMALL)
        for place, group in zip(columns[2:], GROUPS, strict=True):
            text = with_interval(point, group) or sheet.say("words.none")
            size = fitting_size(text, REGULAR, SMALL, 5.0, wide * 0.24)
            sheet.text(place, y, text, size=size, align=1)
        y -= leading(SMALL)
    if left_out:
        sheet.text(x, y, sheet.say("course.left_out", count=left_out), size=SMALL, colour=MUTED)
        y -= leading(SMALL)
    return y


def point_name(sheet: Sheet, point: CoursePoint) -> str:
    """The name of a point's place in time, a dash where it has none."""
    if not point.timepoint:
        return sheet.say("words.none")
    return words.timepoint(sheet.language, point.timepoint)


def with_interval(point: CoursePoint, group: str) -> str:
    """A sub-score with its interval, empty where it was not formed."""
    if group not in point.scores:
        return ""
    ends = point.intervals.get(group)
    within = f" ({ends[0]:.0f}–{ends[1]:.0f})" if ends else ""
    return f"{point.scores[group]:.0f}{within}"


def ends_of(points: Sequence[CoursePoint], most: int) -> tuple[Sequence[CoursePoint], int]:
    """The first and the last of the points, at most so many with the line that says how many are left out."""
    if len(points) <= most:
        return points, 0
    kept = most - 2
    return [points[0], *points[-kept:]], len(points) - kept - 1


def course_notes(sheet: Sheet, course: Course) -> str:
    """What must be known to read the chart."""
    band = "course.band" if course.baseline is None else "course.band_baseline"
    notes = [band if course.mdc else "course.no_band"]
    if len({point.model for point in course.points}) > 1:
        notes.append("course.models")
    latest = course.points[-1].days if course.points else 0
    if course.from_surgery and 0 < latest < 6 * words.DAYS_PER_MONTH:
        notes.append("course.early")
    return " ".join(sheet.say(note) for note in notes)


def draw_course_section(sheet: Sheet, y: float, high: float, course: Course) -> None:
    """The chart on the left, its table and notes on the right, between ``y`` and ``high`` below it."""
    measure = sheet.paper.measure
    wide = 0.57 * measure
    draw_course(sheet, Box(LEFT, y, wide, high), course)
    x, room = LEFT + wide + 14, measure - wide - 14
    notes = wrap(course_notes(sheet, course), REGULAR, SMALL, room)
    rows = int((high - 12 - len(notes) * leading(SMALL)) / leading(SMALL))
    below = draw_course_table(sheet, x, y - 8, room, course, max(3, rows))
    sheet.lines(x, below - 3, notes, size=SMALL, colour=MUTED)
