"""Commands about deliveries: what is on its way, what failed, letting that be tried again, or dropping it."""

import json
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.models import Delivery, DeliveryState
from service.records.outbox import (
    DeliveryError,
    drop_delivery,
    failed_deliveries,
    list_deliveries,
    retry_delivery,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(help="Documents on their way to destinations.", no_args_is_help=True)
    group.command("list")(list_rows)
    group.command("retry")(retry)
    group.command("drop")(drop)
    app.add_typer(group, name="deliveries")


def list_rows(
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    destination: Annotated[str | None, typer.Option(help="Only those to this destination.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """List deliveries by number, document, destination, state and the peer's answer; no names."""
    with records() as session:
        rows = list_deliveries(session, state=state, destination=destination, limit=limit)
        found = [_told(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Delivery", "Recording", "Document", "Destination", "State", "Attempts", "Answer")
    for one in found:
        table.add_row(*(str(value if value is not None else "") for value in list(one.values())[:7]))
    Console().print(table)


Numbers = Annotated[
    list[int] | None, typer.Argument(help="Numbers of deliveries that failed; else see the options.")
]
To = Annotated[str | None, typer.Option("--destination", help="All that failed to this destination.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")]


def retry(
    delivery: Numbers = None,
    destination: To = None,
    everything: Annotated[bool, typer.Option("--all", help="All that failed, wherever to.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let deliveries that failed be tried again, each as a new message."""
    if not delivery and destination is None and not everything:
        raise DeliveryError("say which deliveries: by number, by --destination or by --all")
    _each(retry_delivery, delivery, destination, everything, "deliveries are tried again", as_json)


def drop(delivery: Numbers = None, destination: To = None, as_json: AsJson = False) -> None:
    """Give up deliveries that failed, such as those to a destination that is gone."""
    if not delivery and destination is None:
        raise DeliveryError("say which deliveries: by number or by --destination")
    _each(drop_delivery, delivery, destination, False, "deliveries are given up", as_json)


def _each(
    act: Callable[[Session, int, audit.Actor], Delivery],
    delivery: list[int] | None,
    destination: str | None,
    everything: bool,
    done: str,
    as_json: bool,
) -> None:
    with records() as session:
        numbers = list(delivery or ())
        if destination is not None or everything:
            numbers += failed_deliveries(session, destination)
        found = [_told(act(session, number, operator())) for number in dict.fromkeys(numbers)]
    typer.echo(json.dumps(found) if as_json else f"{len(found)} {done}")


def _told(row: Delivery) -> dict[str, object]:
    return {
        "delivery": row.id,
        "recording": row.report.grading.recording_key,
        "document": row.report.kind,
        "destination": row.destination,
        "state": row.state.value,
        "attempts": row.attempts,
        "answer": row.answer,
        "created": row.created_at.isoformat(timespec="seconds"),
        "delivered": row.delivered_at and row.delivered_at.isoformat(timespec="seconds"),
    }
