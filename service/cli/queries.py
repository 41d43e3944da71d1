"""Commands that ask the records what clinicians ask; each shows a table, JSON, or writes CSV or Parquet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from service.cli.operating import operator
from service.cli.output import check_file
from service.cli.session import records
from service.records import audit
from service.records.audit_events import AuditEventKind

Surgery = Annotated[int, typer.Argument(help="Its number, from 'facialis surgery list'.")]
Procedure = Annotated[
    list[str],
    typer.Option(help="Name of a procedure, from 'facialis query procedures'; several may be given."),
]
Score = Annotated[str, typer.Option(help="static, dynamic or an item such as M4.")]
Bundle = Annotated[
    str | None, typer.Option(help="Begin of a bundle's hash; else the one that grades at present.")
]
Out = Annotated[Path | None, typer.Option(help="Write to this file instead: .csv, .parquet, .json or .md.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    query = typer.Typer(help="Questions about patients and cohorts.", no_args_is_help=True)
    query.command()(timeline)
    query.command()(changes)
    query.command()(cohort)
    query.command()(trajectory)
    query.command()(procedures)
    query.command()(waiting)
    query.command()(disagreement)
    app.add_typer(query, name="query")


def timeline(surgery: Surgery, out: Out = None, as_json: AsJson = False) -> None:
    """A patient's time line around a surgery: recordings with scores, surgeries, events."""
    from service.records import courses

    with _asking("timeline", out) as session:
        _show(courses.TimelineRow, courses.timeline(session, surgery), out, as_json)


def changes(surgery: Surgery, out: Out = None, as_json: AsJson = False) -> None:
    """What changed since the last recording before a surgery: improved, worse or within measurement error."""
    from service.records import courses

    with _asking("changes", out) as session:
        _show(courses.Change, courses.changes_since_baseline(session, surgery), out, as_json)


def cohort(
    procedure: Procedure,
    months: Annotated[float, typer.Option(help="Time after the procedure.")] = 12,
    within: Annotated[float, typer.Option(min=0, help="Months by which it may be missed.")] = 2,
    score: Score = "dynamic",
    below: Annotated[float | None, typer.Option(help="Only scores under so many points.")] = None,
    above: Annotated[float | None, typer.Option(help="Only scores over so many points.")] = None,
    bundle: Bundle = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Everybody at a time after a procedure, the lowest score first."""
    from service.records import cohorts

    with _asking("cohort", out) as session:
        found = cohorts.at_time_after(
            session, procedure, months, within, score, below=below, above=above, bundle_hash=bundle
        )
    _show(cohorts.Member, found, out, as_json)


def trajectory(
    procedure: Procedure,
    score: Score = "dynamic",
    bundle: Bundle = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """The mean course of a score around procedures, with its spread, by named timepoints."""
    from service.records import cohorts

    with _asking("trajectory", out) as session:
        found = cohorts.trajectory(session, procedure, score, bundle_hash=bundle)
    _show(cohorts.CoursePoint, found, out, as_json)


def procedures(out: Out = None, as_json: AsJson = False) -> None:
    """Names of procedures and how many surgeries there are of each."""
    from service.records import cohorts

    with _asking("procedures", out) as session:
        _show(cohorts.Procedure, cohorts.procedures(session), out, as_json)


def waiting(out: Out = None, as_json: AsJson = False) -> None:
    """Recordings that have not come to their end, those that wait for a person first."""
    from service.records.waiting import WaitingRecording, recordings_waiting

    with _asking("waiting", out) as session:
        _show(WaitingRecording, recordings_waiting(session), out, as_json)


def disagreement(
    largest: Annotated[
        int | None, typer.Option(min=1, help="Rather the so many largest differences, one by one.")
    ] = None,
    bundle: Bundle = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """How the model's scores stand to each rater's, per item."""
    from service.records.disagreement import (
        Difference,
        Disagreement,
        disagreement,
        largest_differences,
    )

    with _asking("disagreement", out) as session:
        if largest is None:
            _show(Disagreement, disagreement(session, bundle), out, as_json)
        else:
            _show(Difference, largest_differences(session, largest, bundle), out, as_json)


@contextmanager
def _asking(question: str, out: Path | None) -> Iterator[Session]:
    """The records, with a line in the audit trail of what was asked."""
    kind = AuditEventKind.RECORDS_QUERIED if out is None else AuditEventKind.DATA_EXPORTED
    with records() as session:
        yield session
        audit.record(session, operator(), kind, question=question)


def _show(kind: type[Any], rows: Sequence[Any], out: Path | None, as_json: bool) -> None:
    from service import exporting

    if out is not None:
        check_file(out)
        exporting.write_rows(kind, rows, out)
        typer.echo(f"{len(rows)} rows are in {out}")
    elif as_json:
        typer.echo(exporting.as_json(rows))
    else:
        names = exporting.fields(kind)
        table = Table(*names)
        for row in rows:
            table.add_row(*(exporting.words(getattr(row, name)) for name in names))
        Console().print(table)
