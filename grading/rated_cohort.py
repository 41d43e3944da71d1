"""A cohort whose labels were given by several raters, in `annotations.csv` beside `labels.csv`."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from grading.annotations import ANNOTATIONS, Annotation, numbered_annotations, refuse
from grading.cohort import LABELS, Cohort, LabelledRecording, read_cohort
from grading.csv_tables import OnProblem, Problem
from grading.raters import Consensus, Weighting, combine


def read_rated_cohort(
    folder: Path, weights: Weighting | None = "equal", *, description: str | None = None
) -> Cohort:
    """Read a cohort folder with its raters' scores combined into labels.

    A label is what the raters of a recording say together (`grading.raters.combine`, by ``weights``); where
    none of them scored an item, a label that `labels.csv` holds stands, such as those of healthy people. The
    description tells how the labels came about. Without `annotations.csv`, or with no ``weights``, the labels
    are those of `labels.csv` alone.

    Raises `CohortError` and `AnnotationError`, the latter also where a recording that was scored is not in
    `labels.csv`.
    """
    cohort = read_cohort(folder, description=description)
    path = folder / ANNOTATIONS
    if weights is None or not path.exists():
        return cohort
    numbered = numbered_annotations(path)
    check_known(numbered, cohort, path)
    annotations = [one for _, one in numbered]
    combined = {(one.subject, one.session): one for one in combine(annotations, weights)}
    words = weights if isinstance(weights, str) else "given"
    raters = len({one.rater for one in annotations})
    return replace(
        cohort,
        description=f"{cohort.description}; labels of {raters} raters combined by {words} weights",
        recordings=tuple(
            _labelled(recording, combined.get((recording.subject, recording.session)))
            for recording in cohort.recordings
        ),
    )


def check_known(
    annotations: Iterable[tuple[int, Annotation]], cohort: Cohort, path: Path, on_problem: OnProblem = refuse
) -> None:
    """Raise `AnnotationError` where a recording that was scored is not one of the cohort's.

    ``annotations`` have the numbers of their rows; with another ``on_problem`` each is told.
    """
    known = {(one.subject, one.session) for one in cohort.recordings}
    for number, one in annotations:
        if (one.subject, one.session) not in known:
            message = (
                f"the recording {one.subject}/{one.session} is not in {LABELS}: add its row there, or "
                "correct the name"
            )
            on_problem(Problem(path, number, message))


def _labelled(recording: LabelledRecording, consensus: Consensus | None) -> LabelledRecording:
    return replace(recording, labels={**recording.labels, **consensus.labels}) if consensus else recording
