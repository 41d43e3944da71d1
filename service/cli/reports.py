"""Commands about reports."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from service.cli.operating import operator
from service.cli.output import check_file
from service.cli.patients import UnknownPatientError
from service.cli.session import records
from service.history_report import history_pdf
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.patients import find_patient
from service.settings import load_settings
from service.signing import sign_off
from service.storage import FolderStorage


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    report = typer.Typer(help="Reports on recordings and patients.", no_args_is_help=True)
    report.command("sign-off")(sign)
    report.command("history")(history)
    app.add_typer(report, name="report")


def sign(
    recording: Annotated[int, typer.Argument(help="Number of the recording.")],
    by: Annotated[str, typer.Option(help="Name of the clinician who signs, as the report is to show it.")],
    comment: Annotated[str, typer.Option(help="What the clinician notes; printed in the report.")] = "",
) -> None:
    """Sign a recording's report off: its final version is written and sent in place of the draft."""
    with records() as session:
        row = sign_off(session, recording, by, comment, actor=operator())
        signed = f"{row.signed_at:%Y-%m-%d %H:%M %Z}"
    typer.echo(f"signed off {signed}; the final version is written and sent within seconds")


def history(
    patient: Annotated[str, typer.Argument(help="An ID of the patient.")],
    out: Annotated[Path, typer.Option(help="The PDF to write.")],
    issuer: Annotated[str, typer.Option(help="Issuer of the patient's ID.")] = "",
    date: Annotated[
        list[dt.datetime] | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="A day whose photos are compared with others; up to four such options."
        ),
    ] = None,
) -> None:
    """Write the history of a patient over all recordings as PDF."""
    check_file(out)
    settings = load_settings()
    storage = FolderStorage(settings.data_dir / "files")
    with records() as session:
        row = find_patient(session, patient, issuer)
        if row is None:
            raise UnknownPatientError("there is no patient with this ID and issuer")
        days = [day.date() for day in date or ()]
        pdf = history_pdf(session, storage, row.id, settings.report.style, dates=days)
        if pdf is None:
            raise UnknownPatientError("the patient was merged into another one meanwhile: try again")
        audit.record(session, operator(), AuditEventKind.DATA_EXPORTED, patient=row.id, what="history")
        out.write_bytes(pdf)
