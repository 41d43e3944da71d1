"""Commands about patients, their surgeries and what else happened to them."""

import datetime as dt
import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Shown
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.cli.importing import AsJson, DryRun, Encoding, File, import_table
from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.changes import content
from service.records.events import add_event, delete_event
from service.records.importing import EVENTS, PATIENTS, SURGERIES
from service.records.merging import merge_patients
from service.records.models import EventKind, Patient
from service.records.patients import find_patient
from service.records.surgeries import add_surgery, correct_surgery, delete_surgery


class UnknownPatientError(PermanentError):
    """There is no patient with that ID."""

    code = "patient.unknown"


Who = Annotated[str, typer.Option("--patient", help="An ID of the patient.")]
Issuer = Annotated[str, typer.Option(help="Issuer of the patient's ID.")]
Day = Annotated[dt.datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day, as 2024-03-01.")]
Side = Annotated[str, typer.Option(help="L, R or B (both), of the patient.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    patient = typer.Typer(help="Patients.", no_args_is_help=True)
    patient.command("import")(import_patients)
    patient.command("merge")(merge)
    app.add_typer(patient, name="patient")
    surgery = typer.Typer(help="Surgeries that recordings are placed around in time.", no_args_is_help=True)
    surgery.command("add")(add)
    surgery.command("list")(list_surgeries)
    surgery.command("correct")(correct)
    surgery.command("delete")(delete)
    surgery.command("import")(import_surgeries)
    app.add_typer(surgery, name="surgery")
    event = typer.Typer(help="What else happened: botulinum toxin, training and such.", no_args_is_help=True)
    event.command("add")(add_other)
    event.command("list")(list_events)
    event.command("delete")(delete_other)
    event.command("import")(import_events)
    app.add_typer(event, name="event")


def import_patients(
    file: File, dry_run: DryRun = False, encoding: Encoding = "utf-8", as_json: AsJson = False
) -> None:
    """Take patients out of a CSV file: all rows or none, and the same file again changes nothing."""
    import_table(PATIENTS, file, dry_run, encoding, as_json)


def import_surgeries(
    file: File, dry_run: DryRun = False, encoding: Encoding = "utf-8", as_json: AsJson = False
) -> None:
    """Take surgeries out of a CSV file: all rows or none, and the same file again changes nothing."""
    import_table(SURGERIES, file, dry_run, encoding, as_json)


def import_events(
    file: File, dry_run: DryRun = False, encoding: Encoding = "utf-8", as_json: AsJson = False
) -> None:
    """Take events out of a CSV file: all rows or none, and the same file again changes nothing."""
    import_table(EVENTS, file, dry_run, encoding, as_json)


def merge(
    survivor: Annotated[str, typer.Argument(help="The ID that stays.")],
    other: Annotated[str, typer.Argument(help="The ID whose record goes.")],
    issuer: Annotated[str, typer.Option(help="Issuer of the ID that stays.")] = "",
    other_issuer: Annotated[str, typer.Option(help="Issuer of the other ID.")] = "",
) -> None:
    """Make two records of one person one; both IDs name it from then on. This cannot be undone."""
    with records() as session:
        gone = find_patient(session, other, other_issuer)
        number = gone.id if gone is not None else None
        merged = merge_patients(session, (survivor, issuer), (other, other_issuer), operator().name)
        if merged is None:
            raise UnknownPatientError("neither ID is on record; see 'facialis patient import'")
        if number != merged.id:
            audit.record(session, operator(), AuditEventKind.PATIENT_MERGED, patient=merged.id, other=number)


def add(
    patient: Who,
    date: Day,
    procedure: Annotated[str, typer.Option(help="What was done.")],
    side: Side,
    issuer: Issuer = "",
    surgeon: Annotated[str, typer.Option(help="Who operated.")] = "",
    note: Annotated[str, typer.Option(help="What else is to be known.")] = "",
) -> None:
    """Record a surgery; the patient's recordings are placed around it at once."""
    with records() as session:
        surgery = add_surgery(
            session, patient, issuer, date.date(), procedure, side, surgeon=surgeon, note=note
        )
        _note(session, AuditEventKind.SURGERY_ADDED, surgery.patient_key, surgery=surgery.id)


def list_surgeries(patient: Who, issuer: Issuer = "", as_json: AsJson = False) -> None:
    """List a patient's surgeries with the numbers that other commands take."""
    with records() as session:
        found = _patient(session, patient, issuer).surgeries
        _show([{"surgery": one.id} | content(one) for one in found], as_json)


def correct(
    surgery: Annotated[int, typer.Argument(help="Its number, from 'facialis surgery list'.")],
    date: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The right day.")] = None,
    procedure: Annotated[str | None, typer.Option(help="What was done.")] = None,
    side: Annotated[str | None, typer.Option(help="L, R or B (both).")] = None,
    surgeon: Annotated[str | None, typer.Option(help="Who operated.")] = None,
    note: Annotated[str | None, typer.Option(help="What else is to be known.")] = None,
) -> None:
    """Correct what is given of a surgery; what was before is kept, and recordings are placed anew."""
    with records() as session:
        corrected = correct_surgery(
            session,
            surgery,
            performed_on=date.date() if date else None,
            procedure=procedure,
            side=side,
            surgeon=surgeon,
            note=note,
            by=operator().name,
        )
        _note(session, AuditEventKind.SURGERY_CHANGED, corrected.patient_key, surgery=surgery)


def delete(
    surgery: Annotated[int, typer.Argument(help="Its number, from 'facialis surgery list'.")],
) -> None:
    """Take a surgery off the record; what it said is kept, and recordings are placed anew."""
    with records() as session:
        patient = delete_surgery(session, surgery, operator().name)
        _note(session, AuditEventKind.SURGERY_DELETED, patient.id, surgery=surgery)


def add_other(
    patient: Who,
    date: Day,
    kind: Annotated[EventKind, typer.Option(help="What happened.")],
    side: Annotated[str, typer.Option(help="L, R, B (both) or nothing.")] = "",
    issuer: Issuer = "",
    note: Annotated[str, typer.Option(help="What else is to be known.")] = "",
) -> None:
    """Record an event on a patient's time line."""
    with records() as session:
        event = add_event(session, patient, issuer, date.date(), kind, side, note)
        _note(session, AuditEventKind.CLINICAL_EVENT_ADDED, event.patient_key, event=event.id)


def list_events(patient: Who, issuer: Issuer = "", as_json: AsJson = False) -> None:
    """List a patient's events with the numbers that other commands take."""
    with records() as session:
        found = _patient(session, patient, issuer).events
        _show([{"event": one.id} | content(one) for one in found], as_json)


def delete_other(
    event: Annotated[int, typer.Argument(help="Its number, from 'facialis event list'.")],
) -> None:
    """Take an event off the record; what it said is kept."""
    with records() as session:
        patient = delete_event(session, event, operator().name)
        _note(session, AuditEventKind.CLINICAL_EVENT_DELETED, patient.id, event=event)


def _note(
    session: Session,
    kind: AuditEventKind,
    patient: int,
    *,
    surgery: int | None = None,
    event: int | None = None,
) -> None:
    audit.record(session, operator(), kind, patient=patient, surgery=surgery, event=event)


def _show(rows: Iterable[dict[str, Any]], as_json: bool) -> None:
    rows = list(rows)
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Shown(*(rows[0] if rows else ("nothing on record",)))
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


def _patient(session: Session, patient_id: str, issuer: str) -> Patient:
    found = find_patient(session, patient_id, issuer)
    if found is None:
        raise UnknownPatientError("no patient has this ID from this issuer: check both, or give --issuer")
    return found
