"""Commands about the constancy check: make one now, list them, take changed scores as right."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grading.errors import TransientError
from service.cli.operating import operator
from service.cli.session import records
from service.constancy import beyond, changes, largest
from service.records import constancy
from service.records.models import ConstancyRun, ConstancyState

POLL_SECONDS = 0.5
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")]


class NotMadeError(TransientError):
    """No worker has made the constancy check that was asked for."""

    code = "constancy.not_made"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(
        help="Whether grading is still the same: a phantom's scores, day by day.", no_args_is_help=True
    )
    group.command()(run)
    group.command("list")(list_rows)
    group.command()(accept)
    app.add_typer(group, name="constancy")


def run(
    wait: Annotated[float, typer.Option(min=0, help="Seconds that it may take.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Have a worker check constancy now; status 1 if scores differ or the check fails."""
    with records() as session:
        number = constancy.ask(session, operator().name)
    ends = time.monotonic() + wait
    while True:
        with records() as session:
            row = session.get_one(ConstancyRun, number)
            told = _told(row)
        if row.state is not ConstancyState.WAITING:
            break
        if time.monotonic() > ends:
            raise NotMadeError(
                f"no worker has made check {number} within {wait:g} s: see that one with --queue constancy "
                "runs"
            )
        time.sleep(POLL_SECONDS)
    typer.echo(json.dumps(told) if as_json else _sentence(row))
    if row.state is not ConstancyState.AGREES:
        raise typer.Exit(1)


def list_rows(
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 30,
    as_json: AsJson = False,
) -> None:
    """List checks with what they found, how far scores are from earlier ones, and what had changed."""
    with records() as session:
        rows = constancy.latest(session, limit)
        befores = [constancy.before(session, row) for row in rows]
        found = [
            _told(row)
            | {
                "changes": {
                    change.name: [change.before, change.after]
                    for change in changes(before.environment if before else None, row.environment)
                }
            }
            for row, before in zip(rows, befores, strict=True)
        ]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Check", "Asked by", "Made", "Seconds", "Found", "From last", "From first", "Changed since")
    for row, one in zip(rows, found, strict=True):
        changed = one["changes"]
        assert isinstance(changed, dict)  # noqa: S101 - narrows what stands there for the type checker
        most = largest(row.compared)
        points = [f"{most[against]:.3f}" if against in most else "" for against in ("last", "first")]
        found_words = row.reason or (f"{row.state}, accepted" if row.accepted_at else str(row.state))
        cells = [one["check"], one["asked_by"], one["finished"], one["seconds"], found_words, *points]
        table.add_row(*("" if cell is None else str(cell) for cell in cells), ", ".join(changed))
    Console().print(table)


def accept(number: Annotated[int, typer.Argument(help="Of the newest check of its bundle.")]) -> None:
    """Take the scores of a check as right, after a change that was meant: later ones are compared to them."""
    with records() as session:
        constancy.accept(session, number, operator())
    typer.echo(f"later checks are compared with check {number}")


def _sentence(row: ConstancyRun) -> str:
    if row.state is ConstancyState.FAILED:
        return f"check {row.id} failed: {row.reason}"
    most = largest(row.compared)
    if not most:
        return f"check {row.id} is the first by this bundle: there is nothing to compare it with"
    said = ", ".join(f"{points:.3f} points from the {against} check" for against, points in most.items())
    further = "; ".join(
        f"{one.item} {one.points:+.2f} from check {one.run} ({one.against})" for one in beyond(row.compared)
    )
    return f"check {row.id} {row.state}: at most {said}" + (f"; {further}" if further else "")


def _told(row: ConstancyRun) -> dict[str, object]:
    seconds = (
        (row.finished_at - row.started_at).total_seconds() if row.finished_at and row.started_at else None
    )
    return {
        "check": row.id,
        "night": row.night and row.night.isoformat(),
        "asked_by": row.asked_by,
        "finished": row.finished_at and row.finished_at.isoformat(timespec="seconds"),
        "seconds": seconds and round(seconds, 1),
        "state": row.state.value,
        "bundle": row.bundle_hash,
        "scores": row.scores,
        "compared": row.compared,
        "code": row.code,
        "reason": row.reason,
        "accepted_by": row.accepted_by,
    }
