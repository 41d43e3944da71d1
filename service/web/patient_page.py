"""One patient's page: the course of the scores around the surgery."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grading.scales import DYNAMIC_ITEMS, STATIC_ITEMS, Item, sub_scores
from service.records.gradings import scores_of
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

    def when(self, t: Words) -> str:
        """Date and timepoint in one line."""
        return ", ".join(filter(None, (t.day(self.on), t.timepoint(self.timepoint))))


@dataclass(frozen=True)
class ItemCourse:
    """One item over time; ``plot`` is None while nothing dated was graded."""

    item: Item
    plot: Plot | None


@dataclass(frozen=True)
class PatientPage:
    """Everything on the page. The courses hold the dated and graded visits, the table all of them."""

    patient: Patient
    visits: tuple[Visit, ...]
    course: Plot | None
    static_items: tuple[ItemCourse, ...]
    dynamic_items: tuple[ItemCourse, ...]
    undated: int
    models: tuple[str, ...]
    commissioning: bool

    @property
    def graded(self) -> tuple[Visit, ...]:
        """The visits with scores."""
        return tuple(visit for visit in self.visits if visit.grading is not None)


def make_patient_page(patient: Patient, t: Words) -> PatientPage:
    """The page of a patient loaded by `service.records.history.patient_history`, in a language."""
    visits = tuple(sorted(map(_visit, patient.recordings), key=lambda visit: (visit.on, visit.recording.id)))
    graded = [visit for visit in visits if visit.grading is not None]
    shown = [visit for visit in graded if visit.dated]
    bundles = {visit.grading.bundle_key: visit.grading.bundle for visit in graded if visit.grading}
    courses = _Courses(patient, shown, t) if shown else None
    return PatientPage(
        patient=patient,
        visits=visits,
        course=courses.sub_scores() if courses else None,
        static_items=_item_courses(STATIC_ITEMS, courses),
        dynamic_items=_item_courses(DYNAMIC_ITEMS, courses),
        undated=len(graded) - len(shown),
        models=tuple(model_name(bundles[key]) for key in sorted(bundles, reverse=True)),
        commissioning=any(bundle.manifest["commissioning"] for bundle in bundles.values()),
    )


class _Courses:
    """The charts of one patient on a common time: months from the first surgery, else the calendar."""

    def __init__(self, patient: Patient, visits: Sequence[Visit], t: Words) -> None:
        self.visits, self.t = visits, t
        self.first = patient.surgeries[0].performed_on if patient.surgeries else None
        self.marks = [
            self.mark(surgery.performed_on, surgery_words(t, surgery), t("surgery"))
            for surgery in patient.surgeries
        ]
        self.marks += [
            self.mark(event.happened_on, event_words(t, event), event_kind(t, event))
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

    def readings(self, name: str, value: Callable[[Visit], float | None]) -> list[Reading]:
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
            )
            for visit in self.visits
            if visit.grading is not None and (score := value(visit)) is not None
        ]

    def sub_scores(self) -> Plot:
        series = {
            "static": self.readings(self.t("static"), lambda visit: visit.folded.get("static")),
            "dynamic": self.readings(self.t("dynamic"), lambda visit: visit.folded.get("dynamic")),
        }
        return draw(series, self.axis(COURSE_TICKS), COURSE, self.marks)

    def item(self, item: Item) -> Plot:
        ticks = (0.0, 100.0, 200.0) if item.two_sided else (0.0, 100.0)
        frame = Frame(ITEM_WIDTH, ITEM_HEIGHT, 34, 12, 12, 24, item.high, ticks)
        series = {"item": self.readings(item.id, lambda visit: visit.scores.get(item.id))}
        return draw(series, self.axis(ITEM_TICKS), frame, self.marks)


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
        folded={score.id: score.value for score in sub_scores(scores) if score.formula == "folded"},
    )
