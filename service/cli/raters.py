"""The command about several raters, and the options by which others choose how to combine them."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from grading.evaluation import Table
    from grading.raters import Weighting


class RaterWeights(StrEnum):
    """How the scores of several raters become one label."""

    EQUAL = "equal"
    ESTIMATED = "estimated"
    NONE = "none"


Raters = Annotated[
    RaterWeights,
    typer.Option(
        help="Where the cohort has annotations.csv: weigh its raters equally or as estimated from how they "
        "differ, or take the labels of labels.csv alone (none)."
    ),
]
Experience = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RATER=NUMBER",
        help="Weigh raters as given instead, such as by years of experience; once for each rater.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(agreement)


def rater_weights(raters: RaterWeights, experience: Sequence[str] | None) -> "Weighting | None":
    """The weighting that the options `--raters` and `--experience` ask for.

    Raises `AnnotationError` where they contradict each other or a weight is no number.
    """
    from grading.annotations import AnnotationError

    if not experience:
        chosen: dict[RaterWeights, Weighting | None] = {
            RaterWeights.EQUAL: "equal",
            RaterWeights.ESTIMATED: "estimated",
        }
        return chosen.get(raters)
    if raters is not RaterWeights.EQUAL:
        raise AnnotationError("give --raters or --experience, not both")
    weights = {}
    for given in experience:
        rater, _, number = given.rpartition("=")
        try:
            weights[rater] = float(number)
        except ValueError as error:
            raise AnnotationError(f"--experience takes RATER=NUMBER, not {given}") from error
    return weights


def agreement(
    cohort: Annotated[Path, typer.Argument(help="A folder with annotations.csv; no photos are needed.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables as CSV and Markdown; else they are only shown.")
    ] = None,
    raters: Raters = RaterWeights.EQUAL,
    experience: Experience = None,
    bootstrap: Annotated[int, typer.Option(min=1, help="Resamplings of persons for each interval.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print all tables as JSON, for scripts.")] = False,
) -> None:
    """How far several raters agree: ICC and kappa per item, what each weighs, where they differ most."""
    from grading.annotations import ANNOTATIONS, AnnotationError, read_annotations
    from grading.cohort import LABELS, read_persons
    from grading.evaluation import agreement_table, consensus_table, rater_line, tables_as_json, weight_table

    annotations = read_annotations(cohort / ANNOTATIONS)
    weights = rater_weights(raters, experience)
    if weights is None:
        raise AnnotationError("--raters none combines nothing: choose equal or estimated")
    persons = read_persons(cohort) if (cohort / LABELS).exists() else {}
    tables = (
        agreement_table(annotations, persons=persons, draws=bootstrap),
        weight_table(annotations),
        consensus_table(annotations, weights),
    )
    data = rater_line(cohort.resolve().name, annotations)
    if out is not None:
        write_tables(tables, data, out)
    if as_json:
        typer.echo(tables_as_json(data, tables))
        return
    for table in tables[:2]:
        typer.echo(table.markdown(data))
    if out is not None:
        typer.echo(f"{len(tables)} tables are in {out}")


def write_tables(tables: "Sequence[Table]", data: str, out: Path) -> None:
    """Write each table as CSV and Markdown to a folder, which is made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    for table in tables:
        (out / f"{table.name}.csv").write_text(table.csv(data), encoding="utf-8")
        (out / f"{table.name}.md").write_text(table.markdown(data), encoding="utf-8")
