"""Cohort folders for the commands that train and evaluate: phantoms, with labels made for the test."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from service.cli import app

Row = dict[str, str]
KEYS = ("subject", "session", "person", "group", "side")


def run(*arguments: object) -> Result:
    """Run `facialis` in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def read_rows(table: Path) -> list[Row]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(table: Path, rows: list[Row]) -> None:
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def relabelled(
    cohort: Path, folder: Path, labels: Callable[[Row], Mapping[str, object]], keep: Callable[[Row], bool]
) -> Path:
    """A cohort of the same photos, linked, with the rows to ``keep`` and other labels."""
    folder.mkdir()
    rows = [row for row in read_rows(cohort / "labels.csv") if keep(row)]
    for subject in {row["subject"] for row in rows}:
        (folder / subject).symlink_to(cohort / subject)
    given = [
        {key: row[key] for key in KEYS} | {item: str(label) for item, label in labels(row).items()}
        for row in rows
    ]
    write_rows(folder / "labels.csv", given)
    return folder


def house_brackmann(row: Row) -> dict[str, object]:
    """A grade derived from the phantom's movement, by the share of function that each grade stands for.

    No rater gave it, and the rule is ours: it makes an ordinal label that photos can tell of, nothing more.
    """
    function = sum(float(row[item]) for item in ("M1", "M2", "M3", "M4", "M7")) / 5
    return {"HB": 1 + sum(function < limit for limit in (99, 76, 51, 26, 1))}
