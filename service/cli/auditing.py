"""Commands about the audit trail."""

import datetime as dt
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grading.errors import PermanentError
from service.atna import audit_message
from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.audit import AuditSearch
from service.records.audit_events import AuditEventKind
from service.records.models import AuditEvent

PAGE = 1000
"""Events read at once."""

Since = Annotated[
    dt.datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="From this time on, on this machine's clock."),
]
Until = Annotated[
    dt.datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Up to this time, exclusive."),
]


class AuditFileError(PermanentError):
    """The audit trail cannot be written where it was asked for."""

    code = "audit.file"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    trail = typer.Typer(help="Who saw, changed, sent or exported what.", no_args_is_help=True)
    trail.command("list")(list_events)
    trail.command("export")(export)
    app.add_typer(trail, name="audit")


def list_events(
    since: Since = None,
    until: Until = None,
    actor: Annotated[str | None, typer.Option(help="Sign-in name, token or process.")] = None,
    event: Annotated[list[AuditEventKind] | None, typer.Option(help="Only this; may be repeated.")] = None,
    patient: Annotated[int | None, typer.Option(help="Number of the patient's page.")] = None,
    recording: Annotated[int | None, typer.Option(help="Number of the recording.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Search the audit trail, the newest first. That it was read is itself recorded."""
    search = AuditSearch(_zoned(since), _zoned(until), actor, event or (), patient, recording)
    with records() as session:
        rows = audit.find(session, search, limit)
        audit.record(session, operator(), AuditEventKind.AUDIT_READ, events=len(rows))
    if as_json:
        typer.echo(json.dumps([_as_json(row) for row in rows]))
        return
    table = Table(
        "Number", "When", "Who", "From", "Event", "Patient", "Recording", "Document", "Outcome", "Detail"
    )
    for row in rows:
        table.add_row(*(str(value if value is not None else "") for value in _as_json(row).values()))
    Console().print(table)


def export(
    since: Annotated[
        dt.datetime,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="From this time on."),
    ],
    until: Until = None,
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
) -> None:
    """Write the audit trail as ATNA audit messages (DICOM PS3.15, A.5): one XML element a line."""
    search = AuditSearch(_zoned(since), _zoned(until))
    source, count = f"facialis@{socket.gethostname()}", 0
    try:
        with out.open("x") if out else typer.get_text_stream("stdout") as stream:
            for row in _pages(search):
                stream.write(audit_message(row, source) + "\n")
                count += 1
            with records() as session:
                audit.record(session, operator(), AuditEventKind.AUDIT_EXPORTED, events=count)
    except OSError as error:
        raise AuditFileError(f"{out} cannot be written ({error.strerror}); give another --out") from error
    typer.echo(f"{count} events", err=True)


def _pages(search: AuditSearch) -> Iterator[AuditEvent]:
    while True:
        with records() as session:
            rows = audit.find(session, search, PAGE, oldest_first=True)
        yield from rows
        if len(rows) < PAGE:
            return
        search = replace(search, beyond=rows[-1].id)


def _as_json(row: AuditEvent) -> dict[str, object]:
    return {
        "number": row.id,
        "when": row.happened_at.isoformat(timespec="seconds"),
        "who": f"{row.actor_kind}: {row.actor}",
        "from": row.address,
        "event": row.kind,
        "patient": row.patient_key,
        "recording": row.recording_key,
        "document": row.document_key,
        "outcome": row.outcome,
        "detail": row.detail,
    }


def _zoned(time: dt.datetime | None) -> dt.datetime | None:
    return None if time is None else time.astimezone()
