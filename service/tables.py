"""CSV tables that people hand in, as spreadsheets and registries write them.

Cells are separated by comma, semicolon or tab, whichever the first row shows. The text is UTF-8, with or
without byte order mark. Any other encoding has to be named: guessed wrongly, it would change names without
anybody noticing.
"""

import codecs
import csv
import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.errors import PermanentError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
ENCODINGS = ("utf-8", "cp1252", "latin-1")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_GERMAN = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")


class TableError(PermanentError):
    """A table cannot be read; the message names the file and says what to do."""

    code = "table.invalid"


class CellError(PermanentError):
    """A cell of a table cannot be used; the message says what to write into it."""

    code = "table.cell"


@dataclass(frozen=True)
class Column:
    """A column: its name, other names it goes by, whether a cell may be empty, its longest text.

    A cell of ``lines`` may hold line breaks.
    """

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    longest: int = 10_000
    lines: bool = False


@dataclass(frozen=True)
class Row:
    """One row: its number in a spreadsheet, where the header is row 1, and its cells by column name."""

    number: int
    cells: Mapping[str, str]


def read_table(path: Path, columns: Sequence[Column], encoding: str = "utf-8") -> list[Row]:
    """The rows of a table, cells stripped, every one of ``columns`` there (empty where the table lacks it).

    Empty rows are left out, and rows are not looked into: see `check_cells`.

    Raises:
        TableError: the file is missing or empty, is not of this encoding, its separator is another one, a
            required column is missing, a column is unknown or there twice, a row has more or fewer cells than
            the header, or quotes do not close.
    """
    text = _text(path, encoding)
    separator, header = _header(path, text, columns)
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise TableError(f"{path} has a quote that does not close: {error}") from None
    rows = []
    for number, record in enumerate(records[1:], start=2):
        cells = [cell.strip() for cell in record]
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise TableError(
                f"{path} row {number} has {len(cells)} cells and the header {len(header)}: quote cells that "
                f"hold a {SEPARATORS[separator]}"
            )
        given = dict(zip(header, cells, strict=True))
        rows.append(Row(number, {column.name: given.get(column.name, "") for column in columns}))
    if not rows:
        raise TableError(f"{path} has no rows below its header: add some")
    return rows


def check_cells(row: Row, columns: Sequence[Column]) -> list[tuple[str, str]]:
    """The columns whose cells are empty, too long or not of one line, each with what to do."""
    problems = []
    for column in columns:
        cell = row.cells[column.name]
        if column.required and not cell:
            problems.append((column.name, "is empty: fill it in"))
        if len(cell) > column.longest:
            problems.append((column.name, f"has more than {column.longest} characters: shorten it"))
        if any(character < " " and not (column.lines and character in "\t\r\n") for character in cell):
            problems.append((column.name, "holds a line break or control character: take it out"))
    return problems


def read_date(cell: str) -> dt.date:
    """The day of a cell such as 2024-03-01 or 1.3.2024.

    Raises:
        CellError: it is no such date. Slashes are not taken, since day and month would be guessed.
    """
    iso, german = _ISO.fullmatch(cell), _GERMAN.fullmatch(cell)
    try:
        if iso is not None:
            return dt.date(*map(int, iso.groups()))
        if german is not None:
            return dt.date(*map(int, reversed(german.groups())))
    except ValueError:
        raise CellError("is a day that the calendar does not have: correct it") from None
    raise CellError("is no date: write it as 2024-03-01 or 01.03.2024, with four digits of the year")


def _text(path: Path, encoding: str) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} cannot be read ({error.strerror}): give a CSV file") from None
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise TableError(f"{path} is UTF-16 ('Unicode Text'): save it as 'CSV UTF-8'") from None
        others = " or ".join(f"--encoding {other}" for other in ENCODINGS if other != "utf-8")
        raise TableError(
            f"{path} is not {encoding}: save it as 'CSV UTF-8', or name its encoding with {others} "
            "(Excel on Windows writes cp1252)"
        ) from None
    if "\0" in text:
        raise TableError(f"{path} is no text in {encoding}: save it as 'CSV UTF-8'")
    if not text.strip():
        raise TableError(f"{path} is empty")
    return text


def _header(path: Path, text: str, columns: Sequence[Column]) -> tuple[str, list[str]]:
    """The separator that the first row shows, and its columns by their own names."""
    names = {alias: column.name for column in columns for alias in (column.name, *column.aliases)}
    ours = ", ".join(column.name for column in columns)
    first = text.splitlines()[0]
    found = {}
    for separator in SEPARATORS:
        cells = next(csv.reader([first], delimiter=separator))
        found[separator] = [cell.strip().casefold().replace(" ", "_") for cell in cells]
    separator = max(found, key=lambda one: sum(cell in names for cell in found[one]))
    given = found[separator]
    known = [names.get(cell, cell) for cell in given]
    if not any(cell in names for cell in given):
        raise TableError(
            f"{path}: the first row shows none of the columns {ours}, separated by "
            f"{' or '.join(SEPARATORS.values())}"
        )
    missing = [column.name for column in columns if column.required and column.name not in known]
    if missing:
        raise TableError(f"{path} lacks the column {', '.join(missing)}: add it")
    others = [cell for cell in given if cell not in names]
    if others:
        # a misspelt column must not be lost in silence
        raise TableError(f"{path}: the column {', '.join(others)} is unknown: use {ours}, or remove it")
    doubled = sorted({name for name in known if known.count(name) > 1})
    if doubled:
        raise TableError(f"{path} has the column {', '.join(doubled)} twice: keep one")
    return separator, known
