"""Rows of frozen dataclasses as CSV, Parquet, JSON or Markdown, columns named and typed as their fields."""

import csv
import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

from grading.errors import PermanentError

SUFFIXES = (".csv", ".parquet", ".json", ".md")


class ExportError(PermanentError):
    """Rows cannot be written where they were asked for."""

    code = "export.format"


def write_rows(kind: type[Any], rows: Sequence[Any], file: Path) -> None:
    """Write rows of the dataclass ``kind`` to a file whose suffix names the format.

    No rows make a table with columns alone. CSV is UTF-8 with commas, its cells as `cell` makes them.

    Raises:
        ExportError: the suffix names none of the formats.
    """
    if file.suffix == ".csv":
        with file.open("w", newline="", encoding="utf-8") as target:
            writer = csv.writer(target)
            writer.writerow(fields(kind))
            writer.writerows([cell(getattr(row, name)) for name in fields(kind)] for row in rows)
    elif file.suffix == ".parquet":
        _write_parquet(kind, rows, file)
    elif file.suffix == ".json":
        file.write_text(as_json(rows), encoding="utf-8")
    elif file.suffix == ".md":
        file.write_text(as_markdown(kind, rows), encoding="utf-8")
    else:
        raise ExportError(f"{file.name} has no known suffix: use one of {', '.join(SUFFIXES)}")


def cell(value: object) -> object:
    """A value as a cell of CSV: a text that spreadsheets would take for a formula gets a ``'`` before it."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def as_json(rows: Sequence[Any]) -> str:
    """The rows as a JSON list of objects; days and times in ISO form."""
    return json.dumps([dataclasses.asdict(row) for row in rows], default=_plain)


def as_markdown(kind: type[Any], rows: Sequence[Any]) -> str:
    """The rows as a table in Markdown, numbers to the tenth."""
    names = fields(kind)
    lines = [names, ["---"] * len(names)]
    lines += [[words(getattr(row, name)).replace("|", "\\|") for name in names] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def words(value: object) -> str:
    """A cell for reading: empty for None, numbers with a fraction to the tenth."""
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def fields(kind: type[Any]) -> list[str]:
    """The names of the columns."""
    return [field.name for field in dataclasses.fields(kind)]


def _plain(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _write_parquet(kind: type[Any], rows: Sequence[Any], file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        bool: pa.bool_(),
        dt.date: pa.date32(),
        dt.datetime: pa.timestamp("us", tz="UTC"),
    }
    hints = get_type_hints(kind)
    schema = pa.schema([(name, types[_of(hints[name])]) for name in fields(kind)])
    pq.write_table(pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], schema=schema), file)


def _of(hint: Any) -> type[Any]:
    """The type of a field that may be None."""
    given = [one for one in getattr(hint, "__args__", (hint,)) if one is not type(None)]
    kind: type[Any] = given[0]
    return kind
