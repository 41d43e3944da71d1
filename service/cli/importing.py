"""How commands take tables in: what they are given, what they say."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from grading.errors import PermanentError
from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.importing import Outcome, Table, import_rows
from service.tables import ENCODINGS, TableError, read_table

File = Annotated[Path, typer.Argument(help="A CSV file; docs/records.md names its columns.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Store nothing, only list what would be said.")]
Encoding = Annotated[str, typer.Option(help=f"Of the file: {', '.join(ENCODINGS)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")]


class ImportProblemError(PermanentError):
    """A table has rows that cannot be recorded, so nothing of it was."""

    code = "import.problems"


def import_table(table: Table, file: Path, dry_run: bool, encoding: str, as_json: bool) -> None:
    """Take the rows of a file in, or tell what is wrong with them.

    Raises `ImportProblemError` where a row cannot be recorded, and `TableError` where the file is none.
    """
    if encoding not in ENCODINGS:
        raise TableError(f"--encoding takes {', '.join(ENCODINGS)}")
    rows = read_table(file, table.columns, encoding)
    console = Console(stderr=True)
    with records() as session:
        outcome = import_rows(session, table, track(rows, table.name, console=console, transient=True))
        if dry_run or outcome.problems:
            session.rollback()
        else:
            audit.record(session, operator(), AuditEventKind.DATA_IMPORTED, table=table.name, rows=len(rows))
    _tell(outcome, dry_run, as_json)
    if outcome.problems:
        wrong = len({problem.row for problem in outcome.problems})
        raise ImportProblemError(f"{wrong} of {len(rows)} rows have problems, so nothing was stored")


def _tell(outcome: Outcome, dry_run: bool, as_json: bool) -> None:
    stored = not (dry_run or outcome.problems)
    if as_json:
        told = {
            "stored": stored,
            "added": outcome.added,
            "known": outcome.known,
            "new_patients": outcome.new_patients,
            "remarks": [vars(remark) for remark in outcome.remarks],
        }
        typer.echo(json.dumps(told))
        return
    for remark in outcome.remarks:
        kind = "problem" if remark.problem else "note"
        where = f"row {remark.row}" + (f", {remark.column}" if remark.column else "")
        typer.echo(f"{kind}  {where}: {remark.message}")
    typer.echo(
        f"{outcome.added} new, {outcome.known} on record already, {outcome.new_patients} new patients"
        + ("" if stored else "; nothing was stored")
    )
