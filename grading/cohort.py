"""A folder of labelled recordings: `labels.csv`, and photos at `<subject>/<session>/<n>.jpg`.

The table has one row per recording with the columns subject, session, person, group (`palsy` or `healthy`),
side (affected side, `L` or `R`) and one per item of any scale; they may stand in any order, other columns are
passed over. ``person`` is the real face where several subjects share one; left empty it is the subject. An
item or a side left empty is not known. `annotations.csv` of several raters may stand beside the columns of
items or instead of them (`grading.rated_cohort`).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.annotations import ANNOTATIONS
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


def read_cohort(
    folder: Path,
    *,
    name: str | None = None,
    description: str | None = None,
    protocol: Protocol = JENA9,
    labelled: bool = True,
) -> Cohort:
    """Read and check a cohort folder; photos are looked for, not opened.

    ``name`` defaults to the folder's name, ``description`` to the name. Without ``labelled`` items are
    passed over like other columns.

    Raises `CohortError` where the table or a photo is missing, a label is no number or outside its item's
    range, a recording stands there twice, or a subject is of two groups or two persons.
    """
    path = folder / LABELS
    rows, columns = _table(path)
    items = [name for name in columns if name in _ITEMS] if labelled else []
    if labelled and not items and not (folder / ANNOTATIONS).exists():
        raise CohortError(
            f"{path} has no column of an item: add one per item that is labelled, such as R1, or "
            f"{ANNOTATIONS} beside it"
        )
    recordings = [
        _recording(folder, row, items, f"{path} row {number}", protocol)
        for number, row in enumerate(rows, start=2)
    ]
    _check_subjects(recordings, path)
    name = name or folder.resolve().name
    return Cohort(name, description or name, tuple(recordings))


def read_persons(folder: Path) -> dict[str, str]:
    """The person of each subject of a cohort folder, whose photos need not be there.

    Raises `CohortError` where the table is missing or malformed.
    """
    path = folder / LABELS
    rows, _ = _table(path)
    cells = [{name: (value or "").strip() for name, value in row.items() if name} for row in rows]
    return {row["subject"]: row.get("person") or row["subject"] for row in cells}


def _table(path: Path) -> tuple[list[dict[str | None, str | None]], list[str]]:
    """The rows of `labels.csv` and the names of its columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = [name for name in reader.fieldnames or () if name]
    except OSError as error:
        raise CohortError(f"{path} cannot be read: give a folder that holds {LABELS}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CohortError(f"{path} is not a UTF-8 table with commas: export it again as CSV") from error
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise CohortError(f"{path} lacks the column {', '.join(missing)}: add it")
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise CohortError(f"{path} has the column {', '.join(doubled)} twice: keep one")
    if not rows:
        raise CohortError(f"{path} has no rows: add one per recording")
    return rows, columns


def _recording(
    folder: Path,
    row: Mapping[str | None, str | None],
    items: Sequence[str],
    where: str,
    protocol: Protocol,
) -> LabelledRecording:
    cells = {name: (value or "").strip() for name, value in row.items() if name}
    if None in row or None in row.values():
        raise CohortError(f"{where} has more or fewer cells than the header: quote cells that hold commas")
    for name in ("subject", "session"):
        if not cells[name] or Path(cells[name]).name != cells[name]:
            raise CohortError(f"{where}: the {name} must be the name of the photos' folder")
    if cells["group"] not in GROUPS:
        raise CohortError(f"{where}: the group must be {' or '.join(GROUPS)}")
    side = cells.get("side") or None
    healthy = cells["group"] == "healthy"
    if side not in (None, *SIDES):
        raise CohortError(f"{where}: the side must be L or R, or empty if not known")
    if side and healthy:
        raise CohortError(f"{where}: a healthy recording has no affected side: leave it empty")
    try:
        photos = series_paths(folder / cells["subject"] / cells["session"], protocol)
    except PermanentError as error:
        raise CohortError(f"{where} ({cells['subject']}/{cells['session']}): {error}") from error
    labels = {item: _label(cells[item], item, where) for item in items if cells[item]}
    return LabelledRecording(
        subject=cells["subject"],
        session=cells["session"],
        person=cells.get("person") or cells["subject"],
        healthy=healthy,
        side=side,
        labels=labels,
        photos=photos,
    )


def _label(text: str, item_id: str, where: str) -> float:
    scale = scale_of(item_id)
    item = scale.by_id[item_id]
    try:
        label = float(text)
        scale.check({item_id: label})
    except (ValueError, ScoreError) as error:
        raise CohortError(f"{where}: {item_id} must be {item.allowed}, or empty if not known") from error
    return label


def _check_subjects(recordings: list[LabelledRecording], path: Path) -> None:
    first: dict[str, LabelledRecording] = {}
    seen: dict[tuple[str, str], int] = {}
    for number, recording in enumerate(recordings, start=2):
        twin = seen.setdefault((recording.subject, recording.session), number)
        if twin != number:
            raise CohortError(f"{path} rows {twin} and {number} are the same recording: keep one")
        known = first.setdefault(recording.subject, recording)
        if (known.person, known.healthy) != (recording.person, recording.healthy):
            raise CohortError(
                f"{path} row {number}: the subject has another person or group than in an earlier row: "
                "correct one of them"
            )
