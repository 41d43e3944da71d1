"""Tables that stand in a cohort folder, as spreadsheets write them: their rows, or what is wrong with them.

Cells are separated by comma, semicolon or tab, whichever the first row has most of; the text is UTF-8,
with or without byte order mark.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = ",;\t"
Cells = dict[str | None, str | None]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a table, or with the row of it that a spreadsheet numbers so, and what to do."""

    table: Path
    row: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.table} row {self.row}: {self.message}" if self.row else f"{self.table} {self.message}"


OnProblem = Callable[[Problem], object]
"""What is done about a problem: raising an error, or noting it, so that the next one is found too."""


def read_rows(
    path: Path, needed: Sequence[str], lacking: str, on_problem: OnProblem
) -> tuple[list[tuple[int, Cells]], list[str]]:
    """The rows of a table with their numbers, and the names of its columns; nothing where it has a problem.

    Parameters:
        needed: columns that there must be.
        lacking: what to do where there is no such file.
    """

    def refuse(message: str) -> tuple[list[tuple[int, Cells]], list[str]]:
        on_problem(Problem(path, None, message))
        return [], []

    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(SEPARATORS, key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        columns = [name.strip() for name in reader.fieldnames or () if name]
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        rows: list[tuple[int, Cells]] = [(reader.line_num, dict(row)) for row in reader]
    except OSError:
        return refuse(f"cannot be read: {lacking}")
    except (UnicodeDecodeError, csv.Error):
        return refuse("is no text in UTF-8: save it as 'CSV UTF-8'")
    missing = [name for name in needed if name not in columns]
    if len(missing) == len(needed):
        return refuse(
            f"has none of the columns {', '.join(needed)} in its first row, separated by commas, semicolons "
            "or tabs: save it as 'CSV UTF-8' with these names"
        )
    if missing:
        return refuse(f"lacks the column {', '.join(missing)}: add it")
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        return refuse(f"has the column {', '.join(doubled)} twice: keep one")
    return rows, columns
