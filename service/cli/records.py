"""Commands about patients, surgeries and recordings."""

import datetime as dt
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.database import connect, transaction
from service.intake import close_series, pose_rules
from service.records import flow
from service.records.models import Recording, RecordingState
from service.records.surgeries import add_surgery
from service.running import database_url
from service.settings import load_settings


class UnknownRecordingError(PermanentError):
    """There is no recording with that number."""

    code = "recording.unknown"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    surgery = typer.Typer(help="Surgeries that recordings are placed around in time.", no_args_is_help=True)
    surgery.command("add")(add)
    app.add_typer(surgery, name="surgery")
    recordings = typer.Typer(help="Recordings and where they are on their way.", no_args_is_help=True)
    recordings.command("list")(list_recordings)
    recordings.command("retry")(retry)
    recordings.command("close")(close)
    app.add_typer(recordings, name="recordings")


def add(
    patient: Annotated[str, typer.Option(help="The patient's ID, as in the photos.")],
    date: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the surgery.")],
    procedure: Annotated[str, typer.Option(help="What was done.")],
    side: Annotated[str, typer.Option(help="L, R or B (both), of the patient.")],
    issuer: Annotated[str, typer.Option(help="Issuer of the patient's ID.")] = "",
) -> None:
    """Record a surgery; the patient's recordings are placed around it at once."""
    with transaction(_engine()) as session:
        add_surgery(session, patient, issuer, date.date(), procedure, side)


def list_recordings(
    state: Annotated[RecordingState | None, typer.Option(help="Only those in this state.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """List recordings by number, state and reason; no names."""
    with transaction(_engine()) as session:
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
    with transaction(_engine()) as session:
        for number in recording:
            row = _held(session, number, RecordingState.NEEDS_ATTENTION, "there is nothing to try again")
            flow.retry(session, row)


def close(
    recording: Annotated[list[int], typer.Argument(help="Numbers of recordings that are still receiving.")],
) -> None:
    """Take series as ended now, rather than after the quiet time: on to grading, or held with the reason."""
    rules = pose_rules(load_settings())
    with transaction(_engine()) as session:
        for number in recording:
            row = _held(session, number, RecordingState.RECEIVING, "its series has ended already")
            close_series(session, row, rules)


def _held(session: Session, number: int, state: RecordingState, otherwise: str) -> Recording:
    """The recording of this number, locked; it must be in ``state``, or the error says ``otherwise``."""
    row = session.get(Recording, number, with_for_update=True)
    if row is None:
        raise UnknownRecordingError(f"there is no recording {number}; see 'facialis recordings list'")
    if row.state is not state:
        raise UnknownRecordingError(f"recording {number} is {row.state}: {otherwise}")
    return row


def _engine() -> Engine:
    return connect(database_url(load_settings()))
