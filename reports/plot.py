"""Scores over time as a vector drawing: a line and perhaps a band per series, surgeries and events as lines.

Points of different models are not joined: their errors differ, so that a line across them would show a change
that may be none in the patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from reportlab.lib.colors import Color

from reports.axis import TimeAxis, separate, time_axis
from reports.content import CourseMark
from reports.fonts import BOLD, REGULAR
from reports.sheet import INK, MUTED, SMALL, WHITE, Sheet, clip, wrap
from reports.words import DAYS_PER_MONTH

_LEFT_ROOM, _BELOW, _ABOVE = 18.0, 19.0, 9.0
_TICK_ROOM, _LABEL_ROOM, _MARK_ROOM = 20.0, 16.0, 44.0


@dataclass(frozen=True)
class Reading:
    """One score at one time, in days from the axis' origin; ``model`` grows with newer models."""

    days: int
    value: float
    interval: tuple[float, float] | None
    model: int


@dataclass(frozen=True)
class Series:
    """Readings of one score, the oldest first. ``band`` is where a change is within measurement error."""

    readings: tuple[Reading, ...]
    colour: Color
    band: tuple[float, float] | None = None
    dashes: tuple[float, ...] = ()
    square: bool = False


@dataclass(frozen=True)
class Box:
    """Where a drawing lies, from its upper left corner."""

    x: float
    y: float
    wide: float
    high: float


@dataclass(frozen=True)
class Scale:
    """Scores from 0 to ``highest``, with lines at ``grid``; that of ``balanced`` is the stronger one.

    ``unit`` is what the axis of time counts; empty leaves it out.
    """

    highest: float
    grid: tuple[float, ...]
    unit: str = ""
    balanced: float | None = None


def draw_plot(
    sheet: Sheet,
    box: Box,
    scale: Scale,
    series: Sequence[Series],
    marks: Sequence[CourseMark] = (),
    names: Sequence[str] = (),
) -> None:
    """Draw a plot. ``names`` stand beside the lines of ``marks``; without them the lines have none."""
    days = [reading.days for one in series for reading in one.readings]
    days += [mark.days for mark in marks]
    field = _Field(sheet, box, scale, days, newest=_newest(series))
    field.draw_grid()
    for one in series:
        field.draw_band(one)
    field.draw_marks(marks, names)
    for number, one in enumerate(series):
        field.draw_readings(one, series[1 - number] if len(series) == 2 else None)


def _newest(series: Sequence[Series]) -> int:
    return max((reading.model for one in series for reading in one.readings), default=0)


class _Field:
    """The field of a plot within its margins."""

    def __init__(self, sheet: Sheet, box: Box, scale: Scale, days: list[int], newest: int) -> None:
        self.sheet, self.scale, self.newest = sheet, scale, newest
        self.left, self.right = box.x + _LEFT_ROOM, box.x + box.wide - 4
        below = _BELOW if scale.unit else _BELOW - 8
        self.top, self.bottom = box.y - _ABOVE, box.y - box.high + below
        self.axis: TimeAxis = time_axis(days, self.left, self.right - self.left)

    def height(self, score: float) -> float:
        share = min(max(score / self.scale.highest, 0.0), 1.0)
        return self.bottom + share * (self.top - self.bottom)

    def draw_grid(self) -> None:
        for score in self.scale.grid:
            y = self.height(score)
            if score == self.scale.balanced:
                self.sheet.rule(self.left, y, self.right, y, colour=MUTED, weight=0.7)
            else:
                self.sheet.rule(self.left, y, self.right, y)
            self.sheet.text(self.left - 4, y - 2.2, f"{score:.0f}", size=SMALL, colour=MUTED, align=1)
        for month in self.axis.ticks(_TICK_ROOM):
            x = self.axis.at(month * DAYS_PER_MONTH)
            self.sheet.rule(x, self.bottom, x, self.bottom - 2.5, colour=MUTED)
            label = str(month).replace("-", "−")
            self.sheet.text(x, self.bottom - 9, label, size=SMALL, colour=MUTED, align=0.5)
        if self.scale.unit:
            self.sheet.text(self.right, self.bottom - 17, self.scale.unit, size=SMALL, colour=MUTED, align=1)

    def draw_band(self, series: Series) -> None:
        if series.band is None:
            return
        low, high = map(self.height, series.band)
        self.sheet.veil(self.left, low, self.right - self.left, high - low, colour=series.colour)

    def draw_marks(self, marks: Sequence[CourseMark], names: Sequence[str]) -> None:
        places = [self.axis.at(mark.days) for mark in marks]
        colour, weight = (INK, 0.7) if names else (MUTED, 0.4)
        for x in places:
            self.sheet.rule(x, self.bottom, x, self.top + 2, colour=colour, weight=weight)
        for number in separate(places, _MARK_ROOM) if names else ():
            x = places[number]
            following = min((place for place in places if place > x), default=self.right)
            flipped = x > self.right - 30
            room = x - self.left if flipped else max(following - x - 4, _MARK_ROOM - 6)
            same_day = [
                name for mark, name in zip(marks, names, strict=True) if mark.days == marks[number].days
            ]
            text = "".join(clip(wrap(", ".join(dict.fromkeys(same_day)), REGULAR, SMALL, room), 1))
            at = x if flipped else x + 1.5
            self.sheet.text(at, self.top + 3.5, text, size=SMALL, align=1.0 if flipped else 0.0)

    def draw_readings(self, series: Series, other: Series | None) -> None:
        for _, run in groupby(series.readings, key=lambda reading: reading.model):
            places = [(self.axis.at(reading.days), self.height(reading.value)) for reading in run]
            if len(places) > 1:
                self.sheet.path(places, colour=series.colour, weight=1.2, dashes=series.dashes)
        labelled = separate([self.axis.at(reading.days) for reading in series.readings], _LABEL_ROOM)
        for number, reading in enumerate(series.readings):
            self._draw_reading(series, reading)
            if number in labelled:
                self._label(series, reading, other)

    def _draw_reading(self, series: Series, reading: Reading) -> None:
        x, y = self.axis.at(reading.days), self.height(reading.value)
        if reading.interval is not None:
            low, high = map(self.height, reading.interval)
            self.sheet.rule(x, low, x, high, colour=series.colour, weight=0.6)
        fill = series.colour if reading.model == self.newest else WHITE
        if series.square:
            self.sheet.box(x - 1.9, y - 1.9, 3.8, 3.8, fill=fill, stroke=series.colour)
        else:
            self.sheet.ring(x, y, 2.0, fill=fill, stroke=series.colour)

    def _label(self, series: Series, reading: Reading, other: Series | None) -> None:
        """Write a reading's number, above it unless the other series is higher there."""
        beside = [one.value for one in other.readings if one.days == reading.days] if other else []
        above = all(reading.value >= value for value in beside)
        x, y = self.axis.at(reading.days), self.height(reading.value)
        text = f"{reading.value:.0f}"
        right = x + 12 > self.right
        self.sheet.text(
            x - 3 if right else x + 3.4, y + (2.6 if above else -6.4), text,
            size=SMALL, font=BOLD, colour=series.colour, align=1.0 if right else 0.0,
        )  # fmt: skip
