"""The commands that take what was never sent to us: series from an archive, surgeries from a FHIR server."""

import datetime as dt
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from grading.errors import PermanentError
from service.peer_settings import FhirSource
from service.settings import load_settings


class FetchError(PermanentError):
    """Series of an archive could not be fetched whole; fetch again to get the rest."""

    code = "fetch.incomplete"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(fetch)
    app.command()(fetch_procedures)


def fetch(
    source: Annotated[str, typer.Option("--from", help="The archive, by its name under [[sources]].")],
    since: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of the studies.")],
    until: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the studies; none: today.")
    ] = None,
    modality: Annotated[str, typer.Option(help="Modality of the series.")] = "XC",
    per_second: Annotated[float, typer.Option(min=0.01, help="At most so many objects a second.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON, for scripts.")] = False,
) -> None:
    """Fetch the series that an archive has and we do not; broken off, it goes on where it was.

    They are graded as if they had been sent, by the running service.
    """
    from service.cli.operating import operator
    from service.database import connect, transaction
    from service.fetching import Fetcher, find_series, open_archive
    from service.intake import ServiceIntake
    from service.records.audit import Outcome, record
    from service.records.audit_events import AuditEventKind
    from service.running import database_url
    from service.storage import FolderStorage

    settings = load_settings()
    archive = open_archive(settings, source)
    engine = connect(database_url(settings))
    files = settings.data_dir / "files"
    # The workers find what became complete by themselves, within seconds.
    intake = ServiceIntake(engine, FolderStorage(files), settings, lambda _: None)
    fetcher = Fetcher(archive, engine, intake, files / "fetching", source, per_second)
    last = (until or dt.datetime.now()).date()
    results = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"Searching {source}", total=None)
        found = list(find_series(archive, since.date(), last, modality))
        with transaction(engine) as session:
            record(session, operator(), AuditEventKind.ARCHIVE_QUERIED, source=source, series=len(found))
        progress.update(task, description=f"Fetching from {source}", total=len(found))
        for series in found:
            results.append(fetcher.fetch(series))
            progress.advance(task)
    failed = [result for result in results if result.error is not None]
    for result in failed:
        typer.echo(f"series {result.series.series_uid}: {result.error}", err=True)
    counts = {
        "series": len(results),
        "objects": sum(result.objects for result in results),
        "known": sum(result.known for result in results),
        "failed_series": len(failed),
    }
    with transaction(engine) as session:
        outcome = Outcome.FAILED if failed else Outcome.DONE
        kind = AuditEventKind.PHOTOS_FETCHED
        record(session, operator(), kind, outcome=outcome, source=source, **counts)
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        typer.echo("{series} series, {objects} objects, {known} of them known before".format(**counts))
    if failed:
        raise FetchError(f"{len(failed)} series are not complete; the lines above say why, fetch again later")


def fetch_procedures(
    source: Annotated[str, typer.Option("--from", help="The FHIR server, by its name under [[sources]].")],
    patient: Annotated[
        str, typer.Option(help="Only the patient with this ID; none: everybody on record.")
    ] = "",
    issuer: Annotated[str, typer.Option(help="Issuer of the ID.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON, for scripts.")] = False,
) -> None:
    """Take surgeries of patients on record from a FHIR server; again changes only what it corrected."""
    from service.cli.operating import operator
    from service.database import connect, transaction
    from service.records.patients import find_patient
    from service.running import database_url
    from service.surgeries_fetched import fetch_surgeries

    settings = load_settings()
    known = {one.name: one for one in settings.sources if isinstance(one, FhirSource)}
    if source not in known:
        names = ", ".join(known) or "none"
        raise FetchError(f"the settings name no FHIR source {source}: these are {names}")
    engine = connect(database_url(settings))
    number = None
    if patient:
        with transaction(engine) as session:
            found = find_patient(session, patient, issuer)
        if found is None:
            raise FetchError("no patient with this ID is on record; see 'facialis patient import'")
        number = found.id
    outcomes = list(fetch_surgeries(engine, known[source], operator(), number))
    counts = {
        "patients": len(outcomes),
        "added": sum(one.added for one in outcomes),
        "corrected": sum(one.corrected for one in outcomes),
        "unchanged": sum(one.unchanged for one in outcomes),
    }
    remarks = [{"patient": one.patient, "remark": text} for one in outcomes for text in one.remarks]
    if as_json:
        typer.echo(json.dumps(counts | {"remarks": remarks}))
        return
    for remark in remarks:
        typer.echo("patient {patient}: {remark}".format(**remark), err=True)
    typer.echo(
        "{patients} patients: {added} surgeries added, {corrected} corrected, {unchanged} as before".format(
            **counts
        )
    )
