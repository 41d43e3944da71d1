"""The scores that several raters gave: `annotations.csv`, one row per recording and rater.

Its columns are subject, session, rater and one per item of any scale; an item left empty is not known.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def read_annotations(path: Path) -> tuple[Annotation, ...]:
    """Read and check a table of annotations, in its order.

    Raises `AnnotationError` where the table is missing or malformed, a column is neither a key nor an item, a
    score is not one that its item takes, or a rater scored a recording twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            columns = [name for name in reader.fieldnames or () if name]
    except OSError as error:
        raise AnnotationError(f"{path} cannot be read: give a table of annotations") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(f"{path} is not a UTF-8 table with commas: export it again as CSV") from error
    _check_columns(columns, path)
    if not rows:
        raise AnnotationError(f"{path} has no rows: add one per recording and rater")
    annotations = []
    first: dict[tuple[str, str, str], int] = {}
    for number, row in rows:
        annotation = _annotation(row, f"{path} row {number}")
        key = (annotation.subject, annotation.session, annotation.rater)
        if key in first:
            raise AnnotationError(
                f"{path} rows {first[key]} and {number} are of the same recording and rater: keep one, or "
                "name the repeat as another rater"
            )
        first[key] = number
        annotations.append(annotation)
    return tuple(annotations)


def _check_columns(columns: Sequence[str], path: Path) -> None:
    missing = [name for name in _KEYS if name not in columns]
    if missing:
        raise AnnotationError(f"{path} lacks the column {', '.join(missing)}: add it")
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise AnnotationError(f"{path} has the column {', '.join(doubled)} twice: keep one")
    items = {item.id for scale in SCALES.values() for item in scale.items}
    others = [name for name in columns if name not in items and name not in _KEYS]
    if others:
        # a misspelt item must not be lost in silence
        raise AnnotationError(f"{path}: the column {', '.join(others)} is no item: correct or remove it")
    if len(columns) == len(_KEYS):
        raise AnnotationError(f"{path} has no column of an item: add one per item, such as R1")


def _annotation(row: Mapping[str | None, str | None], where: str) -> Annotation:
    if None in row or None in row.values():
        raise AnnotationError(
            f"{where} has more or fewer cells than the header: quote cells that hold commas"
        )
    cells = {name: (value or "").strip() for name, value in row.items() if name}
    for name in _KEYS:
        if not cells[name]:
            raise AnnotationError(f"{where}: the {name} is empty: fill it in")
    scores = {name: _number(cell) for name, cell in cells.items() if cell and name not in _KEYS}
    try:
        return Annotation(cells["subject"], cells["session"], cells["rater"], scores)
    except ScoreError as error:
        raise AnnotationError(f"{where}: {error}, or left empty if not known") from error


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
