"""Commands about deliveries: what is on its way, what failed, and letting that be tried again."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Delivery, DeliveryState
from service.records.outbox import (
    DeliveryError,
    failed_deliveries,
    list_deliveries,
    retry_delivery,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(help="Documents on their way to destinations.", no_args_is_help=True)
    group.command("list")(list_rows)
    group.command("retry")(retry)
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


def retry(
    delivery: Annotated[
        list[int] | None, typer.Argument(help="Numbers of deliveries that failed; else see the options.")
    ] = None,
    destination: Annotated[str | None, typer.Option(help="All that failed to this destination.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that failed, wherever to.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Let deliveries that failed be tried again, each as a new message."""
    if not delivery and destination is None and not everything:
        raise DeliveryError("say which deliveries: by number, by --destination or by --all")
    with records() as session:
        numbers = list(delivery or ())
        if destination is not None or everything:
            numbers += failed_deliveries(session, destination)
        found = [_told(_retried(session, number)) for number in dict.fromkeys(numbers)]
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{len(found)} deliveries are tried again")


def _retried(session: Session, number: int) -> Delivery:
    row = retry_delivery(session, number)
    recording, kind = row.report.grading.recording_key, AuditEventKind.DELIVERY_RETRIED
    audit.record(
        session, operator(), kind, recording=recording, document=row.report_key, destination=row.destination
    )
    return row


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
