"""Commands that have the archive graded by another bundle, behind live work."""

import datetime as dt
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.cli.operating import operator
from service.cli.output import check_file
from service.cli.session import records
from service.records import audit
from service.records.audit_events import AuditEventKind

POLL_SECONDS = 2.0

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")]
Number = Annotated[
    int | None, typer.Argument(help="Its number, where several are open; see 'facialis regrade status'.")
]
Hash = Annotated[str, typer.Option(help="Begin of the hash of the bundle that graded the archive.")]
Before = Annotated[
    str | None, typer.Option(help="Begin of the other bundle's hash; else the one that counts at present.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    regrade = typer.Typer(invoke_without_command=True)
    regrade.callback()(start)
    regrade.command()(status)
    regrade.command()(pause)
    regrade.command()(resume)
    regrade.command()(compare)
    regrade.command()(adopt)
    app.add_typer(regrade, name="regrade")


def start(
    context: typer.Context,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle, where the workers find it too.")
    ] = None,
    since: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only recordings from this day on, as 2024-03-01."),
    ] = None,
    detach: Annotated[bool, typer.Option(help="Do not stay to show the progress.")] = False,
) -> None:
    """Have the archive graded by another bundle, whenever no live recording waits; the workers do it.

    The gradings that count stay as they are: compare both bundles, then adopt the new one if it is to count.
    Given again it goes on, with recordings that came meanwhile. Ctrl-C ends only the showing.
    """
    if context.invoked_subcommand is not None:
        return
    if bundle is None:
        raise typer.BadParameter("name the folder of the bundle", param_hint="--bundle")
    from service.bundles import eface_bundle
    from service.records import regrading

    folder = bundle.resolve()
    loaded = eface_bundle(folder)
    with records() as session:
        run = regrading.start(session, loaded, folder, since.date() if since else None)
        number = run.id
        audit.record(
            session, operator(), AuditEventKind.RECORDING_REGRADED, regrading=number, bundle=loaded.hash
        )
    if not detach:
        _follow(number)


def status(as_json: AsJson = False) -> None:
    """How far each regrading is, the newest first."""
    from service.records import regrading

    with records() as session:
        found = regrading.progress(session)
    if as_json:
        typer.echo(json.dumps([asdict(one) | {"total": one.total} for one in found]))
        return
    for one in found:
        note = f": {one.note}" if one.note else ""
        typer.echo(
            f"{one.regrading}  {one.bundle} ({one.bundle_hash[:12]})  {one.state}{note}  "
            f"{one.done} of {one.total} graded, {one.failed} failed"
        )
    if not found:
        typer.echo("nothing was graded anew")


def pause(number: Number = None) -> None:
    """Let a regrading rest; nothing of it is lost."""
    from service.records import regrading

    with records() as session:
        regrading.pause(session, number)


def resume(number: Number = None) -> None:
    """Let a paused regrading go on."""
    from service.records import regrading

    with records() as session:
        regrading.resume(session, number)


def compare(
    bundle: Hash,
    before: Before = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file instead: .md, .csv, .parquet or .json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How the scores of two bundles differ on the recordings that both have graded."""
    from service import exporting
    from service.records.bundle_comparison import ScoreComparison, compare_bundles
    from service.records.cohorts import current_bundle

    with records() as session:
        rows = compare_bundles(session, current_bundle(session, before), current_bundle(session, bundle))
    if out is not None:
        check_file(out)
        exporting.write_rows(ScoreComparison, rows, out)
    typer.echo(exporting.as_json(rows) if as_json else exporting.as_markdown(ScoreComparison, rows))


def adopt(bundle: Hash) -> None:
    """Let a bundle's gradings count from now on; the others stay on record, and so do their documents."""
    from service.records import regrading
    from service.records.cohorts import current_bundle

    with records() as session:
        chosen = current_bundle(session, bundle)
        changed = regrading.adopt(session, chosen.id)
        audit.record(
            session, operator(), AuditEventKind.BUNDLE_ADOPTED, bundle=chosen.hash, recordings=changed
        )
    typer.echo(f"{changed} recordings have another grading that counts")


def _follow(number: int) -> None:
    from service.records import regrading

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        shown = bar.add_task("waiting for a worker")
        while True:
            with records() as session:
                (one,) = (p for p in regrading.progress(session) if p.regrading == number)
            bar.update(shown, total=one.total, completed=one.done + one.failed, description=one.state)
            if one.state != "running":
                break
            time.sleep(POLL_SECONDS)
    note = f": {one.note}" if one.note else ""
    typer.echo(f"{one.state}{note}; {one.done} graded, {one.failed} failed")
