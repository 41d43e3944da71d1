"""A patient's scores over time as a CSV table: one row per recording, score, and model or rater."""

import csv
import io
from collections.abc import Iterator, Mapping

from grading.scales import sub_scores
from service.assessing import FOLDED
from service.exporting import cell
from service.rated import Rated
from service.records.gradings import intervals_of, scores_of
from service.records.models import Grading, Patient, Recording
from service.records.timepoints import timepoint_name

COLUMNS = (
    "recording", "recorded_on", "days_from_surgery", "timepoint", "given_by", "rated", "score", "value",
    "low", "high",
)  # fmt: skip
"""``rated`` is 1 for what raters gave; ``low`` and ``high`` are the ends of the 90 % prediction interval."""


def history_csv(patient: Patient, given: Mapping[int, Rated]) -> str:
    """The table of a patient loaded by `service.records.history.patient_history`; it names nobody but raters.

    ``given`` is what raters gave, by the number of the recording; of several raters it is the mean.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for recording in patient.recordings:
        about = _about(recording)
        active = [grading for grading in recording.gradings if grading.active]
        for grading in active:
            table.writerows((*about, *row) for row in _graded(grading))
        if recording.id in given:
            table.writerows((*about, *row) for row in _rated(given[recording.id]))
    return text.getvalue()


def _about(recording: Recording) -> tuple[object, ...]:
    days = recording.days_from_surgery
    day = recording.recorded_at.date() if recording.recorded_at else ""
    known = ("", "") if days is None else (days, timepoint_name(days))
    return (recording.id, day, *known)


def _graded(grading: Grading) -> Iterator[tuple[object, ...]]:
    model = f"{grading.bundle.name} {grading.bundle.version}"
    intervals = intervals_of(grading)
    for score, value in _with_folded(scores_of(grading)).items():
        yield (model, 0, score, round(value, 2), *(round(end, 2) for end in intervals.get(score, ())))


def _rated(rated: Rated) -> Iterator[tuple[object, ...]]:
    for score, value in _with_folded(rated.items).items():
        yield (cell(", ".join(rated.raters)), 1, score, round(value, 2))


def _with_folded(items: Mapping[str, float]) -> dict[str, float]:
    folded = {score.id: score.value for score in sub_scores(items) if score.formula == FOLDED}
    return folded | dict(items)
