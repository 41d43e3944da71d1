"""A table of figures, written as Markdown for people and as CSV for programs."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress

from grading.evaluation.measures import Estimate

WORDS = {"patients": "patients", "healthy": "healthy people", "all": "patients and healthy people"}
"""The groups in words."""
Plain = str | int | float | None
Cell = Plain | Estimate

INTERVALS = "In brackets: bootstrap 95 % interval, whole persons resampled."
"""What a table with an `Estimate` says of it."""


@dataclass(frozen=True)
class Table:
    """A titled table; ``name`` is that of its files.

    A cell without a figure (None or nan) stays empty. Figures have at most two decimals. An `Estimate` takes
    one cell in Markdown, ``value [low, high]``, and three columns in CSV.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.name} does not fit its columns")

    def markdown(self, data: str) -> str:
        """The table with its title, notes, and the line ``data`` that says what it was measured on."""
        lines = [f"## {self.title}", "", f"*{data}*", ""]
        lines += [line for note in self.notes for line in (note, "")]
        lines += [
            _line(self.columns),
            _line("---" if _is_text(column) else "--:" for column in self._columns()),
        ]
        lines += [_line(cell.replace("|", "\\|") for cell in row) for row in self.shown()]
        return "\n".join(lines) + "\n"

    def shown(self) -> list[list[str]]:
        """The rows as text, an `Estimate` in one cell."""
        return [[_shown(cell) for cell in row] for row in self.rows]

    def csv(self, data: str) -> str:
        """The table as CSV; its last column repeats ``data``, so that no figure is taken for another's."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        flat = self.flat()
        writer.writerow([*flat[0], "data"])
        writer.writerows([*row, data] for row in flat[1])
        return text.getvalue()

    def flat(self) -> tuple[list[str], list[list[Plain]]]:
        """Header and rows with each `Estimate` spread over three columns and figures rounded."""
        spread = [any(isinstance(cell, Estimate) for cell in column) for column in self._columns()]
        header = [
            name
            for column, wide in zip(self.columns, spread, strict=True)
            for name in ([column, f"{column} low", f"{column} high"] if wide else [column])
        ]
        rows = [
            [plain for cell, wide in zip(row, spread, strict=True) for plain in _flat(cell, wide)]
            for row in self.rows
        ]
        return header, rows

    def filled(self) -> "Table":
        """The table without the columns in which no row has anything."""
        kept = [any(_shown(cell) for cell in column) for column in self._columns()]
        return replace(
            self,
            columns=tuple(compress(self.columns, kept)),
            rows=tuple(tuple(compress(row, kept)) for row in self.rows),
        )

    def _columns(self) -> Sequence[tuple[Cell, ...]]:
        return list(zip(*self.rows, strict=True)) if self.rows else [()] * len(self.columns)


def tables_as_json(data: str, tables: Sequence[Table]) -> str:
    """Tables as JSON for programs, each a list of rows by column under its name, headed by ``data``."""
    content = {}
    for table in tables:
        header, rows = table.flat()
        content[table.name] = [dict(zip(header, row, strict=True)) for row in rows]
    return json.dumps({"data": data, "tables": content}, indent=2, ensure_ascii=False)


def _is_text(column: tuple[Cell, ...]) -> bool:
    return all(cell is None or isinstance(cell, str) for cell in column)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _flat(cell: Cell, wide: bool) -> list[Plain]:
    if isinstance(cell, Estimate):
        return [_rounded(value) for value in (cell.value, cell.interval.low, cell.interval.high)]
    return [_rounded(cell), None, None] if wide else [_rounded(cell)]


def _rounded(value: Plain) -> Plain:
    if isinstance(value, float):
        # + 0.0 turns a negative zero into zero
        return None if math.isnan(value) else round(value, 2) + 0.0
    return value


def _shown(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        value, low, high = (_shown(number) for number in (cell.value, cell.interval.low, cell.interval.high))
        return f"{value} [{low}, {high}]" if low else value
    plain = _rounded(cell)
    if plain is None:
        return ""
    return f"{plain:.2f}" if isinstance(plain, float) else str(plain)
