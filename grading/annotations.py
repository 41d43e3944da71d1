"""The scores that several raters gave: `annotations.csv`, one row per recording and rater.

Its columns are subject, session, rater and one per item of any scale; an item left empty is not known.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.csv_tables import Cells, OnProblem, Problem, read_rows
from grading.errors import PermanentError
from grading.scales import SCALES, ScoreError, scale_of

ANNOTATIONS = "annotations.csv"
_KEYS = ("subject", "session", "rater")


class AnnotationError(PermanentError):
    """Annotations cannot be used as they are; the message names the file, the row and what to do."""

    code = "annotations.invalid"


@dataclass(frozen=True)
class Annotation:
    """One rater's scores for one recording, in points by item id; unknown ones are left out.

    Raises `ScoreError` for an unknown item and a score that its item does not take.
    """

    subject: str
    session: str
    rater: str
    scores: Mapping[str, float]

    def __post_init__(self) -> None:
        for item, score in self.scores.items():
            scale_of(item).check({item: score})


def refuse(problem: Problem) -> None:
    """Raise `AnnotationError` for the first problem."""
    raise AnnotationError(str(problem))


def read_annotations(path: Path, on_problem: OnProblem = refuse) -> tuple[Annotation, ...]:
    """Read and check a table of annotations, in its order.

    Where ``on_problem`` does not raise, rows with a problem are left out.

    Raises `AnnotationError` where the table is missing or malformed, a column is neither a key nor an item, a
    score is not one that its item takes, or a rater scored a recording twice.
    """
    return tuple(one for _, one in numbered_annotations(path, on_problem))


def numbered_annotations(path: Path, on_problem: OnProblem = refuse) -> list[tuple[int, Annotation]]:
    """As `read_annotations`, each with the number of its row."""
    rows, columns = read_rows(path, _KEYS, "give a table of annotations", on_problem)
    if columns and not _columns_fit(columns, path, on_problem):
        return []
    if columns and not rows:
        on_problem(Problem(path, None, "has no rows: add one per recording and rater"))
    annotations = []
    first: dict[tuple[str, str, str], int] = {}
    for number, row in rows:
        try:
            annotation = _annotation(row)
        except AnnotationError as error:
            on_problem(Problem(path, number, str(error)))
            continue
        twin = first.setdefault((annotation.subject, annotation.session, annotation.rater), number)
        if twin != number:
            message = f"row {twin} is of the same recording and rater: keep one, or name the repeat otherwise"
            on_problem(Problem(path, number, message))
            continue
        annotations.append((number, annotation))
    return annotations


def _columns_fit(columns: Sequence[str], path: Path, on_problem: OnProblem) -> bool:
    items = {item.id for scale in SCALES.values() for item in scale.items}
    others = [name for name in columns if name not in items and name not in _KEYS]
    if others:
        # a misspelt item must not be lost in silence
        message = f"has the column {', '.join(others)}, which is no item: correct or remove it"
        on_problem(Problem(path, None, message))
    if len(columns) == len(_KEYS):
        on_problem(Problem(path, None, "has no column of an item: add one per item, such as R1"))
    return not others and len(columns) > len(_KEYS)


def _annotation(row: Cells) -> Annotation:
    """Raises `AnnotationError`, whose message does not name the row."""
    if None in row or None in row.values():
        raise AnnotationError(
            "the row has more or fewer cells than the header: quote cells that hold separators"
        )
    cells = {name: (value or "").strip() for name, value in row.items() if name}
    for name in _KEYS:
        if not cells[name]:
            raise AnnotationError(f"the {name} is empty: fill it in")
    scores = {name: _number(cell) for name, cell in cells.items() if cell and name not in _KEYS}
    try:
        return Annotation(cells["subject"], cells["session"], cells["rater"], scores)
    except ScoreError as error:
        raise AnnotationError(f"{error}, or left empty if not known") from error


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
