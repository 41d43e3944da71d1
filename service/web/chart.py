"""From numbers to the geometry of charts; the templates draw it as SVG.

Pure: readings in, positions in the units of the drawing out (origin in the upper left corner).
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from grading.scales import BALANCED

STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600)
"""Distances between ticks in months that a calendar reader expects."""
SHORTEST_SPAN = 6.0
"""A time axis shows at least so many months, so that days do not look like a course."""
DAYS_PER_MONTH = 365.25 / 12
LABEL_ROOM = 34.0
DIGIT_HEIGHT = 10.0
MARK_REACH = 8.0
"""From the middle of a rater's mark to its tips."""
RATED = "rated"
"""Added to the name of a series for what raters gave."""


@dataclass(frozen=True)
class Reading:
    """One score at one time: ``x`` as on the axis, ``model`` a number that grows with newer models."""

    x: float
    value: float
    model: int
    title: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Tick:
    """A place on an axis, in its units, and what is written there; a mark has a short ``name`` beside."""

    at: float
    label: str
    name: str = ""


@dataclass(frozen=True)
class Axis:
    """A stretch of time with its ticks: months from an event, or days as ordinals of the calendar."""

    low: float
    high: float
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Frame:
    """Size of a drawing, the margins around its field, and how the values run from bottom to top."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    highest: float
    value_ticks: tuple[float, ...]

    def y(self, value: float) -> float:
        """Where a value lies; 0 is at the bottom of the field."""
        field = self.height - self.top - self.bottom
        return round(self.height - self.bottom - value / self.highest * field, 1)

    def x(self, axis: Axis, at: float) -> float:
        """Where a time lies."""
        field = self.width - self.left - self.right
        return round(self.left + (at - axis.low) / (axis.high - axis.low) * field, 1)


@dataclass(frozen=True)
class Line:
    """Readings of one series by one model, joined; ``points`` as SVG's polyline takes them."""

    series: str
    points: str


@dataclass(frozen=True)
class Dot:
    """One reading. ``label_y`` is the baseline of its number, None where there is no room for it."""

    series: str
    x: float
    y: float
    value: float
    title: str
    newest_model: bool
    label_y: float | None
    ends: tuple[float, float] | None
    """Where the interval ends, its lower end first."""


@dataclass(frozen=True)
class Band:
    """A rectangle over all times: the values that a series may have by measurement error alone."""

    series: str
    top: float
    height: float


@dataclass(frozen=True)
class Plot:
    """A chart ready to draw; ticks and marks in the units of the drawing."""

    frame: Frame
    time_ticks: tuple[Tick, ...]
    value_ticks: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Bar:
    """A score on the common track of 0 to 200 points: from balanced to ``value``, its interval around it."""

    start: float
    length: float
    value: float
    high: float
    interval_start: float | None
    interval_length: float | None


def months_axis(months: Sequence[float], most_ticks: int) -> Axis:
    """An axis in months around an event at 0, which is always on it."""
    low, high = _padded(min(0.0, *months), max(0.0, *months), SHORTEST_SPAN)
    step = next((step for step in STEPS if (high - low) / step <= most_ticks), STEPS[-1])
    places = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    return Axis(low, high, tuple(Tick(place, f"{place:d}".replace("-", "−")) for place in places))


def dates_axis(days: Sequence[dt.date], most_ticks: int) -> Axis:
    """An axis of calendar days (as ordinals) with ticks at the beginning of months."""
    low, high = _padded(min(days).toordinal(), max(days).toordinal(), round(SHORTEST_SPAN * DAYS_PER_MONTH))
    span = (high - low) / DAYS_PER_MONTH
    step = next((step for step in STEPS if span / step <= most_ticks), STEPS[-1])
    first, last = dt.date.fromordinal(math.floor(low)), dt.date.fromordinal(math.ceil(high))
    begin = (first.year * 12 + first.month - 1) // step * step
    starts = (
        dt.date(index // 12, index % 12 + 1, 1) for index in range(begin, last.year * 12 + last.month, step)
    )
    return Axis(
        low,
        high,
        tuple(Tick(day.toordinal(), f"{day:%Y-%m}") for day in starts if low <= day.toordinal() <= high),
    )


def draw(
    series: Mapping[str, Sequence[Reading]],
    axis: Axis,
    frame: Frame,
    marks: Sequence[Tick] = (),
    *,
    rated: Mapping[str, Sequence[Reading]] | None = None,
    bands: Mapping[str, tuple[float, float]] | None = None,
) -> Plot:
    """Lay out readings in time. Neighbours are joined only where the same model gave both.

    Models differ in their errors: a line across them would show a change that may be none in the patient.
    ``rated`` are what raters gave, by the names of the series: neither joined nor numbered. ``bands`` are
    the values, lower end first, that a series may have by measurement error alone.
    """
    ordered = {name: sorted(readings, key=lambda reading: reading.x) for name, readings in series.items()}
    newest = max((reading.model for readings in ordered.values() for reading in readings), default=0)
    topmost = _topmost(ordered)
    marked = [(frame.x(axis, one.x), frame.y(one.value)) for given in (rated or {}).values() for one in given]
    lines, dots = [], []
    for name, readings in ordered.items():
        for run in _runs(readings):
            places = [f"{frame.x(axis, reading.x):g},{frame.y(reading.value):g}" for reading in run]
            if len(places) > 1:
                lines.append(Line(name, " ".join(places)))
        labelled = _with_room([frame.x(axis, reading.x) for reading in readings])
        for number, reading in enumerate(readings):
            x, y = frame.x(axis, reading.x), frame.y(reading.value)
            dots.append(
                Dot(
                    series=name,
                    x=x,
                    y=y,
                    value=reading.value,
                    title=reading.title,
                    newest_model=reading.model == newest,
                    label_y=_label_y(x, y, marked, above=topmost[reading.x] == name)
                    if number in labelled
                    else None,
                    ends=_ends(frame, reading.interval),
                )
            )
    for name, given in (rated or {}).items():
        dots += [
            Dot(
                series=f"{name} {RATED}",
                x=frame.x(axis, reading.x),
                y=frame.y(reading.value),
                value=reading.value,
                title=reading.title,
                newest_model=True,
                label_y=None,
                ends=None,
            )
            for reading in given
        ]
    return Plot(
        frame=frame,
        time_ticks=tuple(Tick(frame.x(axis, tick.at), tick.label) for tick in axis.ticks),
        value_ticks=tuple(Tick(frame.y(value), f"{value:g}") for value in frame.value_ticks),
        marks=tuple(Tick(frame.x(axis, mark.at), mark.label, mark.name) for mark in marks),
        lines=tuple(lines),
        dots=tuple(dots),
        bands=tuple(_band(frame, name, low, high) for name, (low, high) in (bands or {}).items()),
    )


def score_bar(value: float, high: float, interval: tuple[float, float] | None) -> Bar:
    """A score's deviation from balanced on a track that ends at ``high``, with its prediction interval."""
    return Bar(
        start=min(value, BALANCED),
        length=abs(value - BALANCED),
        value=value,
        high=high,
        interval_start=interval[0] if interval else None,
        interval_length=interval[1] - interval[0] if interval else None,
    )


def _label_y(x: float, y: float, marked: Iterable[tuple[float, float]], *, above: bool) -> float:
    """The baseline of a dot's number above or below it, and past the marks of raters that stand there."""
    near = sorted((at for beside, at in marked if abs(beside - x) < LABEL_ROOM / 2), reverse=above)
    baseline = y - 10 if above else y + 20
    for mark in near:
        if abs(baseline - DIGIT_HEIGHT / 2 - mark) < DIGIT_HEIGHT / 2 + MARK_REACH:
            baseline = mark - MARK_REACH - 2 if above else mark + MARK_REACH + 2 + DIGIT_HEIGHT
    return round(baseline, 1)


def _band(frame: Frame, series: str, low: float, high: float) -> Band:
    top, bottom = frame.y(min(high, frame.highest)), frame.y(max(low, 0))
    return Band(series, top, round(bottom - top, 1))


def _ends(frame: Frame, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return (frame.y(interval[0]), frame.y(interval[1])) if interval else None


def _padded(low: float, high: float, shortest: float) -> tuple[float, float]:
    lacking = max(0.0, shortest - (high - low)) / 2
    margin = 0.04 * max(high - low, shortest)
    return low - lacking - margin, high + lacking + margin


def _runs(readings: Iterable[Reading]) -> Iterable[list[Reading]]:
    return (list(run) for _, run in groupby(readings, key=lambda reading: reading.model))


def _topmost(series: Mapping[str, Sequence[Reading]]) -> dict[float, str]:
    """Per time the series whose reading lies highest, of equal ones the first."""
    top: dict[float, tuple[float, str]] = {}
    for name, readings in series.items():
        for reading in readings:
            if reading.x not in top or reading.value > top[reading.x][0]:
                top[reading.x] = (reading.value, name)
    return {x: name for x, (_, name) in top.items()}


def _with_room(places: Sequence[float]) -> set[int]:
    """Which of the ascending places can carry a number beside each other, the latest before the earlier."""
    chosen: list[int] = []
    for index in reversed(range(len(places))):
        if not chosen or places[chosen[-1]] - places[index] >= LABEL_ROOM:
            chosen.append(index)
    return set(chosen)
