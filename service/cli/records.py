"""Commands about recordings."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from service import correcting
from service.cli.operating import operator
from service.cli.session import records
from service.records.models import Recording, RecordingState
from service.series import pose_rules
from service.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    recordings = typer.Typer(help="Recordings and where they are on their way.", no_args_is_help=True)
    recordings.command("list")(list_recordings)
    recordings.command("retry")(retry)
    recordings.command("close")(close)
    app.add_typer(recordings, name="recordings")


def list_recordings(
    state: Annotated[RecordingState | None, typer.Option(help="Only those in this state.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """List recordings by number, state and reason; no names."""
    with records() as session:
        query = select(Recording).order_by(Recording.id)
        if state is not None:
            query = query.where(Recording.state == state)
        rows = [
            {
                "recording": recording.id,
                "state": recording.state.value,
                "code": recording.reason_code,
                "reason": recording.reason,
                "series_uid": recording.series_uid,
                "received": recording.last_received_at.isoformat(timespec="seconds"),
            }
            for recording in session.scalars(query)
        ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("Recording", "State", "Reason", "Last received")
    for row in rows:
        table.add_row(
            str(row["recording"]), str(row["state"]), str(row["reason"] or ""), str(row["received"])
        )
    Console().print(table)


def retry(
    recording: Annotated[list[int], typer.Argument(help="Numbers of recordings that need attention.")],
) -> None:
    """Let recordings that need attention try again."""
    with records() as session:
        for number in recording:
            correcting.try_again(session, number, operator())


def close(
    recording: Annotated[list[int], typer.Argument(help="Numbers of recordings that are still receiving.")],
) -> None:
    """Take series as ended now, rather than after the quiet time: on to grading, or held with the reason."""
    rules = pose_rules(load_settings())
    with records() as session:
        for number in recording:
            correcting.close(session, number, rules, operator())
