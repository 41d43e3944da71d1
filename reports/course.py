"""The sub-scores over the months from the surgery with the band of measurement error; the same as a table."""

from collections.abc import Sequence
from itertools import groupby

from reportlab.lib.colors import Color

from reports import words
from reports.axis import TimeAxis, separate, time_axis
from reports.content import Course, CourseMark, CoursePoint
from reports.fonts import BOLD, REGULAR
from reports.sheet import (
    ACCENT,
    INK,
    LEFT,
    MUTED,
    SECOND,
    SMALL,
    WHITE,
    Sheet,
    clip,
    fitting_size,
    leading,
    wrap,
)

GROUPS = ("static", "dynamic")
COLOURS: dict[str, Color] = {"static": ACCENT, "dynamic": SECOND}
_DASHES: dict[str, tuple[float, ...]] = {"static": (), "dynamic": (3, 2)}
_LEFT_ROOM, _BELOW, _ABOVE = 18.0, 19.0, 9.0
_TICK_ROOM, _LABEL_ROOM = 20.0, 16.0
_LOWEST, _HIGHEST = 0.0, 100.0
_GRID = (0, 25, 50, 75, 100)


def draw_course(sheet: Sheet, x: float, y: float, wide: float, high: float, course: Course) -> None:
    """Draw the chart with its upper left corner at ``x``, ``y``: a line and a band per sub-score."""
    field = _Field(sheet, x, y, wide, high, course)
    field.draw_grid()
    for group in GROUPS:
        field.draw_band(group)
    field.draw_marks()
    for group in GROUPS:
        field.draw_scores(group)
    field.draw_legend()


class _Field:
    """The chart's field; heights are those of scores from 0 to 100."""

    def __init__(self, sheet: Sheet, x: float, y: float, wide: float, high: float, course: Course) -> None:
        self.sheet, self.course = sheet, course
        self.left, self.right = x + _LEFT_ROOM, x + wide - 4
        self.top, self.bottom = y - _ABOVE, y - high + _BELOW
        days = [point.days for point in course.points] + [mark.days for mark in course.marks]
        self.axis: TimeAxis = time_axis(days, self.left, self.right - self.left)

    def height(self, score: float) -> float:
        share = (score - _LOWEST) / (_HIGHEST - _LOWEST)
        return self.bottom + min(max(share, 0.0), 1.0) * (self.top - self.bottom)

    def draw_grid(self) -> None:
        for score in _GRID:
            y = self.height(score)
            self.sheet.rule(self.left, y, self.right, y)
            self.sheet.text(self.left - 4, y - 2.2, str(score), size=SMALL, colour=MUTED, align=1)
        for month in self.axis.ticks(_TICK_ROOM):
            x = self.axis.at(month * words.DAYS_PER_MONTH)
            self.sheet.rule(x, self.bottom, x, self.bottom - 2.5, colour=MUTED)
            label = str(month).replace("-", "−")
            self.sheet.text(x, self.bottom - 9, label, size=SMALL, colour=MUTED, align=0.5)
        unit = self.sheet.say("course.months" if self.course.from_surgery else "course.months_first")
        self.sheet.text(self.right, self.bottom - 17, unit, size=SMALL, colour=MUTED, align=1)

    def draw_band(self, group: str) -> None:
        """What the first point of the newest model may change by without any change in the patient."""
        model = max((point.model for point in self.course.points), default=0)
        first = next(
            (point for point in self.course.points if point.model == model and group in point.scores), None
        )
        mdc = self.course.mdc.get(group)
        if first is None or mdc is None:
            return
        low, high = (self.height(first.scores[group] + sign * mdc) for sign in (-1, 1))
        self.sheet.veil(self.left, low, self.right - self.left, high - low, colour=COLOURS[group])

    def draw_marks(self) -> None:
        ordered = sorted(self.course.marks, key=lambda mark: mark.days)
        labelled = separate([self.axis.at(mark.days) for mark in ordered], 44)
        for number, mark in enumerate(ordered):
            x = self.axis.at(mark.days)
            self.sheet.rule(x, self.bottom, x, self.top + 2, colour=INK, weight=0.7)
            if number in labelled:
                room = max(self.right - x, 30) if x < self.right - 30 else 60
                text = clip(wrap(mark_name(self.sheet, mark), REGULAR, SMALL, room), 1)
                align = 0.0 if x < self.right - 30 else 1.0
                self.sheet.text(
                    x + (1.5 if align == 0 else 0), self.top + 3.5, "".join(text), size=SMALL, align=align
                )

    def draw_scores(self, group: str) -> None:
        points = [point for point in self.course.points if group in point.scores]
        newest = max((point.model for point in self.course.points), default=0)
        for _, run in groupby(points, key=lambda point: point.model):
            places = [(self.axis.at(point.days), self.height(point.scores[group])) for point in run]
            if len(places) > 1:
                self.sheet.path(places, colour=COLOURS[group], weight=1.2, dashes=_DASHES[group])
        labelled = separate([self.axis.at(point.days) for point in points], _LABEL_ROOM)
        for number, point in enumerate(points):
            x, y = self.axis.at(point.days), self.height(point.scores[group])
            if (ends := point.intervals.get(group)) is not None:
                self.sheet.rule(
                    x, self.height(ends[0]), x, self.height(ends[1]), colour=COLOURS[group], weight=0.6
                )
            fill = COLOURS[group] if point.model == newest else WHITE
            if group == GROUPS[0]:
                self.sheet.ring(x, y, 2.0, fill=fill, stroke=COLOURS[group])
            else:
                self.sheet.box(x - 1.9, y - 1.9, 3.8, 3.8, fill=fill, stroke=COLOURS[group])
            if number in labelled:
                above = point.scores[group] >= max(point.scores.values())
                self.sheet.text(
                    x + 3.4, y + (2.6 if above else -6.4), f"{point.scores[group]:.0f}",
                    size=SMALL, font=BOLD, colour=COLOURS[group],
                )  # fmt: skip

    def draw_legend(self) -> None:
        x = self.left
        for group in GROUPS:
            y = self.bottom - 15
            self.sheet.path([(x, y), (x + 14, y)], colour=COLOURS[group], weight=1.2, dashes=_DASHES[group])
            x = self.sheet.text(x + 17, y - 2, self.sheet.say(f"summary.{group}"), size=SMALL) + 10


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
    points, left_out = _shown(course.points, most)
    for point in points:
        sheet.text(columns[0], y, sheet.language.day(point.recorded_on), size=SMALL)
        when = (
            words.timepoint(sheet.language, point.timepoint) if point.timepoint else sheet.say("words.none")
        )
        sheet.lines(columns[1], y, clip(wrap(when, REGULAR, SMALL, wide * 0.3), 1), size=SMALL)
        for place, group in zip(columns[2:], GROUPS, strict=True):
            text = _with_interval(point, group) or sheet.say("words.none")
            sheet.text(place, y, text, size=fitting_size(text, REGULAR, SMALL, 5.0, wide * 0.24), align=1)
        y -= leading(SMALL)
    if left_out:
        sheet.text(x, y, sheet.say("course.left_out", count=left_out), size=SMALL, colour=MUTED)
        y -= leading(SMALL)
    return y


def _with_interval(point: CoursePoint, group: str) -> str:
    if group not in point.scores:
        return ""
    ends = point.intervals.get(group)
    within = f" ({ends[0]:.0f}–{ends[1]:.0f})" if ends else ""
    return f"{point.scores[group]:.0f}{within}"


def _shown(points: Sequence[CoursePoint], most: int) -> tuple[Sequence[CoursePoint], int]:
    if len(points) <= most:
        return points, 0
    kept = most - 2
    return [points[0], *points[-kept:]], len(points) - kept - 1


def course_notes(sheet: Sheet, course: Course) -> str:
    """What must be known to read the chart."""
    notes = ["course.band" if course.mdc else "course.no_band"]
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
    draw_course(sheet, LEFT, y, wide, high, course)
    x, room = LEFT + wide + 14, measure - wide - 14
    notes = wrap(course_notes(sheet, course), REGULAR, SMALL, room)
    rows = int((high - 12 - len(notes) * leading(SMALL)) / leading(SMALL))
    below = draw_course_table(sheet, x, y - 8, room, course, max(3, rows))
    sheet.lines(x, below - 3, notes, size=SMALL, colour=MUTED)
