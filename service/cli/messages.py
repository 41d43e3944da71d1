"""The command that shows the HL7 messages that were sent to us."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from service.cli.session import records
from service.records.models import Message, MessageState


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    group = typer.Typer(help="HL7 messages that were sent to us.", no_args_is_help=True)
    group.command("list")(list_messages)
    # A group with one command would be that command.
    group.callback()(lambda: None)
    app.add_typer(group, name="messages")


def list_messages(
    state: Annotated[MessageState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """List messages by number, sender, trigger, state and what was answered; not their texts."""
    query = select(Message).order_by(Message.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Message.state == state)
    with records() as session:
        found = [
            {
                "message": row.id,
                "received": row.received_at.isoformat(timespec="seconds"),
                "sender": row.sender,
                "control_id": row.control_id,
                "trigger": row.trigger,
                "state": row.state.value,
                "answer": row.answer_code,
                "words": row.words,
                "patient": row.patient_key,
                "due": row.due_on and row.due_on.isoformat(),
            }
            for row in session.scalars(query)
        ]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Message", "Received", "Sender", "Control ID", "Trigger", "State", "Answer", "Words")
    for one in found:
        table.add_row(*(str(value if value is not None else "") for value in list(one.values())[:8]))
    Console().print(table)
