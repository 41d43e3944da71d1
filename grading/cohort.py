"""A folder of labelled recordings: `labels.csv`, and photos at `<subject>/<session>/<n>.jpg`.

The table has one row per recording with the columns subject, session, person, group (`palsy` or `healthy`),
side (affected side, `L` or `R`) and one per item of any scale; they may stand in any order, other columns are
passed over. ``person`` is the real face where several subjects share one; left empty it is the subject. An
item or a side left empty is not known. `annotations.csv` of several raters may stand beside the columns of
items or instead of them (`grading.rated_cohort`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.annotations import ANNOTATIONS
from grading.csv_tables import Cells, OnProblem, Problem, read_rows
from grading.errors import PermanentError
from grading.photos import series_paths
from grading.protocols import JENA9, Protocol
from grading.scales import SCALES, ScoreError, scale_of

LABELS = "labels.csv"
GROUPS = ("palsy", "healthy")
SIDES = ("L", "R")
_COLUMNS = ("subject", "session", "group")
_ITEMS = frozenset(item.id for scale in SCALES.values() for item in scale.items)


class CohortError(PermanentError):
    """A cohort folder cannot be used as it is; the message names the file, the row and what to do."""

    code = "cohort.invalid"


@dataclass(frozen=True)
class LabelledRecording:
    """One row of a cohort.

    ``side`` is the affected side, `L` or `R`, None where unknown or healthy. ``labels`` are in points by item
    id, unknown ones left out; ``photos`` are files by pose code.
    """

    subject: str
    session: str
    person: str
    healthy: bool
    side: str | None
    labels: Mapping[str, float]
    photos: Mapping[str, Path]


@dataclass(frozen=True)
class Cohort:
    """Recordings of one origin.

    ``description`` says in a few words where they come from; it is printed on every report of a model that
    was trained on them.
    """

    name: str
    description: str
    recordings: tuple[LabelledRecording, ...]


def refuse(problem: Problem) -> None:
    """Raise `CohortError` for the first problem."""
    raise CohortError(str(problem))


def read_cohort(
    folder: Path,
    *,
    name: str | None = None,
    description: str | None = None,
    protocol: Protocol = JENA9,
    labelled: bool = True,
    on_problem: OnProblem = refuse,
) -> Cohort:
    """Read and check a cohort folder; photos are looked for, not opened.

    ``name`` defaults to the folder's name, ``description`` to the name. Without ``labelled`` items are
    passed over like other columns. Where ``on_problem`` does not raise, rows with a problem are left out.

    Raises `CohortError` where the table or a photo is missing, a label is no number or outside its item's
    range, a recording stands there twice, or a subject is of two groups or two persons.
    """
    path = folder / LABELS
    rows, columns = _table(path, on_problem)
    items = [name for name in columns if name in _ITEMS] if labelled else []
    if rows and labelled and not items and not (folder / ANNOTATIONS).exists():
        message = (
            "has no column of an item: add one per item that is labelled, such as R1, or "
            f"{ANNOTATIONS} beside it"
        )
        on_problem(Problem(path, None, message))
    recordings = []
    for number, row in rows:
        try:
            recordings.append((number, _recording(folder, row, items, protocol)))
        except CohortError as error:
            on_problem(Problem(path, number, str(error)))
    _check_subjects(recordings, path, on_problem)
    name = name or folder.resolve().name
    return Cohort(name, description or name, tuple(one for _, one in recordings))


def read_persons(folder: Path) -> dict[str, str]:
    """The person of each subject of a cohort folder, whose photos need not be there.

    Raises `CohortError` where the table is missing or malformed.
    """
    rows, _ = _table(folder / LABELS, refuse)
    cells = [{name: (value or "").strip() for name, value in row.items() if name} for _, row in rows]
    return {row["subject"]: row.get("person") or row["subject"] for row in cells}


def _table(path: Path, on_problem: OnProblem) -> tuple[list[tuple[int, Cells]], list[str]]:
    """The rows of `labels.csv` with their numbers, and the names of its columns."""
    rows, columns = read_rows(path, _COLUMNS, f"give a folder that holds {LABELS}", on_problem)
    if columns and not rows:
        on_problem(Problem(path, None, "has no rows: add one per recording"))
    return rows, columns


def _recording(
    folder: Path,
    row: Cells,
    items: Sequence[str],
    protocol: Protocol,
) -> LabelledRecording:
    """Raises `CohortError`, whose message does not name the row."""
    cells = {name: (value or "").strip() for name, value in row.items() if name}
    if None in row or None in row.values():
        raise CohortError("the row has more or fewer cells than the header: quote cells that hold separators")
    for name in ("subject", "session"):
        if not cells[name] or Path(cells[name]).name != cells[name]:
            raise CohortError(f"the {name} must be the name of the photos' folder")
    if cells["group"] not in GROUPS:
        raise CohortError(f"the group must be {' or '.join(GROUPS)}")
    side = cells.get("side") or None
    healthy = cells["group"] == "healthy"
    if side not in (None, *SIDES):
        raise CohortError("the side must be L or R, or empty if not known")
    if side and healthy:
        raise CohortError("a healthy recording has no affected side: leave it empty")
    try:
        photos = series_paths(folder / cells["subject"] / cells["session"], protocol)
    except PermanentError as error:
        raise CohortError(f"{cells['subject']}/{cells['session']}: {error}") from error
    labels = {item: _label(cells[item], item) for item in items if cells[item]}
    return LabelledRecording(
        subject=cells["subject"],
        session=cells["session"],
        person=cells.get("person") or cells["subject"],
        healthy=healthy,
        side=side,
        labels=labels,
        photos=photos,
    )


def _label(text: str, item_id: str) -> float:
    scale = scale_of(item_id)
    item = scale.by_id[item_id]
    try:
        label = float(text)
        scale.check({item_id: label})
    except (ValueError, ScoreError) as error:
        raise CohortError(f"{item_id} must be {item.allowed}, or empty if not known") from error
    return label


def _check_subjects(
    recordings: Sequence[tuple[int, LabelledRecording]], path: Path, on_problem: OnProblem
) -> None:
    first: dict[str, LabelledRecording] = {}
    seen: dict[tuple[str, str], int] = {}
    for number, recording in recordings:
        twin = seen.setdefault((recording.subject, recording.session), number)
        if twin != number:
            on_problem(Problem(path, number, f"row {twin} is of the same recording: keep one"))
        known = first.setdefault(recording.subject, recording)
        if (known.person, known.healthy) != (recording.person, recording.healthy):
            message = "the subject has another person or group than in an earlier row: correct one of them"
            on_problem(Problem(path, number, message))
