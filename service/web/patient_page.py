"""One patient's page: the course of the scores around the surgery."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from grading.scales import DYNAMIC_ITEMS, PREDICTED_ITEMS, STATIC_ITEMS, Item, sub_scores
from service.assessing import FOLDED, Assessed, assess_items, assess_sub_scores, detectable
from service.rated import Rated
from service.records.gradings import intervals_of, scores_of
from service.records.models import Grading, Patient, Recording
from service.reporting import recorded_on
from service.web.chart import (
    DAYS_PER_MONTH,
    Axis,
    Frame,
    Plot,
    Reading,
    Tick,
    dates_axis,
    draw,
    months_axis,
)
from service.web.language import Words
from service.web.words import event_kind, event_words, model_name, surgery_words, timepoint

COURSE = Frame(1000, 340, 44, 20, 30, 52, 100, (0, 25, 50, 75, 100))
ITEM_WIDTH, ITEM_HEIGHT = 240, 132
COURSE_TICKS, ITEM_TICKS = 12, 3
SUB_SCORES = ("static", "dynamic")


@dataclass(frozen=True)
class Visit:
    """One recording and what it was graded; ``dated`` is whether the photos carry their date."""

    recording: Recording
    on: dt.date
    dated: bool
    timepoint: str | None
    grading: Grading | None
    scores: dict[str, float]
    folded: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    def when(self, t: Words) -> str:
        """Date and timepoint in one line."""
        return ", ".join(filter(None, (t.day(self.on), t.timepoint(self.timepoint))))


@dataclass(frozen=True)
class ItemCourse:
    """One item over time; ``plot`` is None while nothing dated was graded."""

    item: Item
    plot: Plot | None


@dataclass(frozen=True)
class ChangeRow:
    """How a score changed from the baseline to the latest recording; ``name`` in English."""

    id: str
    name: str
    value: float
    known: Assessed

    @property
    def change(self) -> int | None:
        """In whole points, between the values as they are printed."""
        return None if self.known.first is None else round(self.value) - round(self.known.first)


@dataclass(frozen=True)
class PatientPage:
    """Everything on the page. The courses hold the dated and graded visits, the table all of them.

    ``baseline`` and ``latest`` are of the newest model, as all of ``comparable`` are.
    """

    patient: Patient
    visits: tuple[Visit, ...]
    course: Plot | None
    static_items: tuple[ItemCourse, ...]
    dynamic_items: tuple[ItemCourse, ...]
    undated: int
    models: tuple[str, ...]
    commissioning: bool
    baseline: Visit | None
    comparable: tuple[Visit, ...]
    latest: Visit | None
    changes: tuple[ChangeRow, ...]
    raters: tuple[str, ...]

    @property
    def graded(self) -> tuple[Visit, ...]:
        """The visits with scores."""
        return tuple(visit for visit in self.visits if visit.grading is not None)


def make_patient_page(
    patient: Patient,
    t: Words,
    *,
    baseline: int | None = None,
    given: Mapping[int, Rated] | None = None,
) -> PatientPage:
    """The page of a patient loaded by `service.records.history.patient_history`, in a language.

    ``baseline`` is the number of the recording to compare with, by default the last before the surgery, else
    the first. ``given`` is what raters gave, by the number of the recording.
    """
    visits = tuple(sorted(map(_visit, patient.recordings), key=lambda visit: (visit.on, visit.recording.id)))
    graded = [visit for visit in visits if visit.grading is not None]
    shown = [visit for visit in graded if visit.dated]
    bundles = {visit.grading.bundle_key: visit.grading.bundle for visit in graded if visit.grading}
    newest = max((visit.grading.bundle_key for visit in shown if visit.grading), default=0)
    comparable = tuple(visit for visit in shown if visit.grading and visit.grading.bundle_key == newest)
    first = _baseline(comparable, baseline)
    courses = _Courses(patient, shown, t, first, given or {}) if shown else None
    latest = comparable[-1] if comparable else None
    return PatientPage(
        patient=patient,
        visits=visits,
        course=courses.sub_scores() if courses else None,
        static_items=_item_courses(STATIC_ITEMS, courses),
        dynamic_items=_item_courses(DYNAMIC_ITEMS, courses),
        undated=len(graded) - len(shown),
        models=tuple(model_name(bundles[key]) for key in sorted(bundles, reverse=True)),
        commissioning=any(bundle.manifest["commissioning"] for bundle in bundles.values()),
        baseline=first,
        comparable=comparable,
        latest=latest,
        changes=_changes(first, latest),
        raters=tuple(sorted({name for one in (given or {}).values() for name in one.raters})),
    )


def _baseline(comparable: Sequence[Visit], wanted: int | None) -> Visit | None:
    chosen = [visit for visit in comparable if visit.recording.id == wanted]
    before = [visit for visit in comparable if (visit.recording.days_from_surgery or 0) < 0]
    return next(iter(chosen or before[-1:] or comparable[:1]), None)


def _changes(first: Visit | None, latest: Visit | None) -> tuple[ChangeRow, ...]:
    if first is latest or not (first and first.grading and latest and latest.grading):
        return ()
    rows = [
        ChangeRow(score.id, f"{score.name}, folded", score.value, known)
        for score, known in assess_sub_scores(latest.grading, first.grading)
        if score.formula == FOLDED
    ]
    known = assess_items(latest.grading, first.grading)
    rows += [
        ChangeRow(item.id, item.name, latest.scores[item.id], known[item.id])
        for item in PREDICTED_ITEMS
        if item.id in known
    ]
    return tuple(rows)


class _Courses:
    """The charts of one patient on a common time: months from the first surgery, else the calendar."""

    def __init__(
        self,
        patient: Patient,
        visits: Sequence[Visit],
        t: Words,
        baseline: Visit | None,
        given: Mapping[int, Rated],
    ) -> None:
        self.visits, self.t, self.baseline, self.given = visits, t, baseline, given
        self.first = patient.surgeries[0].performed_on if patient.surgeries else None
        self.marks = [
            self.mark(surgery.performed_on, surgery_words(t, surgery), t("surgery"))
            for surgery in patient.surgeries
        ]
        self.marks += [
            self.mark(event.happened_on, event_words(t, event), event_kind(t, event.kind))
            for event in patient.events
        ]
        self.events = [event.happened_on for event in patient.events]

    def mark(self, day: dt.date, words: str, name: str) -> Tick:
        return Tick(self.time(day), f"{self.t.day(day)}: {words}", name)

    def time(self, day: dt.date) -> float:
        return (day - self.first).days / DAYS_PER_MONTH if self.first else day.toordinal()

    def axis(self, most_ticks: int) -> Axis:
        days = [visit.on for visit in self.visits]
        if self.first is None:
            return dates_axis([*days, *self.events], most_ticks)
        return months_axis([*map(self.time, days), *(mark.at for mark in self.marks)], most_ticks)

    def band(self, score: str, value: Callable[[Visit], float | None]) -> dict[str, tuple[float, float]]:
        """What the score may be by measurement error alone, if nothing changed since the baseline."""
        first = self.baseline
        if first is None or first.grading is None or (at := value(first)) is None:
            return {}
        mdc = detectable(first.grading.bundle.manifest).get(score)
        return {} if mdc is None else {score: (at - mdc, at + mdc)}

    def rated(self, name: str, value: Callable[[Mapping[str, float]], float | None]) -> list[Reading]:
        """What raters gave, of several the mean."""
        return [
            Reading(
                self.time(visit.on),
                score,
                0,
                self.t(
                    "{when}: {name} {score}, by {model}",
                    when=visit.when(self.t),
                    name=name,
                    score=f"{score:.0f}",
                    model=", ".join(one.raters),
                ),
            )
            for visit in self.visits
            if (one := self.given.get(visit.recording.id)) and (score := value(one.items)) is not None
        ]

    def readings(self, score_id: str, name: str, value: Callable[[Visit], float | None]) -> list[Reading]:
        return [
            Reading(
                self.time(visit.on),
                score,
                visit.grading.bundle_key,
                self.t(
                    "{when}: {name} {score}, by {model}",
                    when=visit.when(self.t),
                    name=name,
                    score=f"{score:.0f}",
                    model=model_name(visit.grading.bundle),
                ),
                visit.intervals.get(score_id),
            )
            for visit in self.visits
            if visit.grading is not None and (score := value(visit)) is not None
        ]

    def sub_scores(self) -> Plot:
        series, rated = {}, {}
        bands: dict[str, tuple[float, float]] = {}
        for name in SUB_SCORES:
            value = partial(_sub_score, name)
            series[name] = self.readings(name, self.t(name), value)
            rated[name] = self.rated(self.t(name), partial(_sub_score_of_items, name))
            bands |= self.band(name, value)
        return draw(series, self.axis(COURSE_TICKS), COURSE, self.marks, rated=rated, bands=bands)

    def item(self, item: Item) -> Plot:
        ticks = (0.0, 100.0, 200.0) if item.two_sided else (0.0, 100.0)
        frame = Frame(ITEM_WIDTH, ITEM_HEIGHT, 34, 12, 12, 24, item.high, ticks)
        series = {"item": self.readings(item.id, item.id, lambda visit: visit.scores.get(item.id))}
        rated = {"item": self.rated(item.id, lambda items: items.get(item.id))}
        bands = self.band(item.id, lambda visit: visit.scores.get(item.id))
        return draw(series, self.axis(ITEM_TICKS), frame, self.marks, rated=rated, bands=bands)


def _sub_score(name: str, visit: Visit) -> float | None:
    return visit.folded.get(name)


def _sub_score_of_items(name: str, items: Mapping[str, float]) -> float | None:
    return _folded(items).get(name)


def _folded(items: Mapping[str, float]) -> dict[str, float]:
    return {score.id: score.value for score in sub_scores(items) if score.formula == FOLDED}


def _item_courses(items: Sequence[Item], courses: _Courses | None) -> tuple[ItemCourse, ...]:
    return tuple(ItemCourse(item, courses.item(item) if courses else None) for item in items)


def _visit(recording: Recording) -> Visit:
    active = [grading for grading in recording.gradings if grading.active]
    grading = max(active, key=lambda grading: grading.id, default=None)
    scores = scores_of(grading) if grading else {}
    return Visit(
        recording=recording,
        on=recorded_on(recording),
        dated=recording.recorded_at is not None,
        timepoint=timepoint(recording),
        grading=grading,
        scores=scores,
        folded=_folded(scores),
        intervals=intervals_of(grading) if grading else {},
    )
