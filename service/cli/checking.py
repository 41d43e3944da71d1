"""The command that says whether this installation is healthy."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from grading.errors import FacialisError, PermanentError
from service.peer_settings import (
    AnyPeer,
    DicomAddress,
    FhirDestination,
    FolderDestination,
    Hl7Destination,
)
from service.settings import Settings, load_settings


class CheckError(PermanentError):
    """A part of the installation is not as it should be."""

    code = "check.failed"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(check)


def check(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False) -> None:
    """Check database, broker, disk, bundle, device and peers; status 1 if any of them fails."""
    settings = load_settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "database": _database,
        "broker": _broker,
        "disk": _disk,
        "bundle": _bundle,
        "device": _device,
        "outbox": _outbox,
    }
    for destination in settings.destinations:
        checks[f"destination {destination.name}"] = partial(_peer, destination)
    for source in settings.sources:
        checks[f"source {source.name}"] = partial(_peer, source)
    results = []
    for name, run in checks.items():
        try:
            results.append({"check": name, "ok": True, "found": run(settings)})
        except FacialisError as error:
            results.append({"check": name, "ok": False, "found": str(error), "code": error.code})
    if as_json:
        typer.echo(json.dumps(results))
    else:
        console = Console(soft_wrap=True)
        for result in results:
            mark = "[green]ok[/]  " if result["ok"] else "[red]FAIL[/]"
            console.print(f"{mark} {result['check']}: {result['found']}", highlight=False)
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _database(settings: Settings) -> str:
    from sqlalchemy import text

    from service.database import connect, transaction
    from service.running import database_url

    with transaction(connect(database_url(settings))) as session:
        return f"PostgreSQL {session.scalar(text('SHOW server_version'))}"


def _broker(settings: Settings) -> str:
    from kombu import Connection
    from kombu.exceptions import OperationalError

    from service.running import broker_url

    try:
        with Connection(broker_url(settings), connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except (OperationalError, OSError):
        raise CheckError("the broker cannot be reached; is Redis running?") from None
    return "Redis answers"


def _disk(settings: Settings) -> str:
    folder = settings.data_dir
    if not folder.is_dir():
        raise CheckError(f"the data folder {folder} does not exist yet; 'facialis up' makes it")
    free = shutil.disk_usage(folder).free
    if free < settings.receiver.min_free_bytes:
        raise CheckError(f"{free / 1e9:.1f} GB free: the receiver refuses photos; make room")
    return f"{free / 1e9:.1f} GB free in {folder}"


def _bundle(settings: Settings) -> str:
    from grading.grader import Grader
    from service.bundles import served_bundle

    bundle = served_bundle(settings)
    Grader(bundle, weights=settings.weights, folder=settings.weights_folder)
    kind = ", commissioning model: not for clinical use" if bundle.commissioning else ""
    return f"{bundle.name} {bundle.version} ({bundle.hash[:12]}) on {bundle.backbone.name}{kind}"


def _device(_settings: Settings) -> str:
    import torch

    return (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads"
    )


def _outbox(settings: Settings) -> str:
    from service.database import connect, transaction
    from service.records.circuits import open_circuits
    from service.records.models import DeliveryState
    from service.records.outbox import deliveries_by_state
    from service.running import database_url

    with transaction(connect(database_url(settings))) as session:
        counts, shut = deliveries_by_state(session), open_circuits(session)
    faults = [
        f"{name} is left alone until {row.open_until:%H:%M:%S} after {row.failures} failures: {row.answer}"
        for name, row in sorted(shut.items())
    ]
    faults += [
        f"{count} deliveries to {name} failed; see 'facialis deliveries list --state failed'"
        for (name, state), count in sorted(counts.items())
        if state is DeliveryState.FAILED
    ]
    if faults:
        raise CheckError("; ".join(faults))
    waiting = sum(count for (_, state), count in counts.items() if state is DeliveryState.PENDING)
    unsigned = sum(count for (_, state), count in counts.items() if state is DeliveryState.WAITING)
    return f"{waiting} deliveries under way, {unsigned} wait for sign-off"


def _peer(address: AnyPeer, settings: Settings) -> str:
    from dicom.sending import echo
    from dicom.web import check as check_web
    from service.delivery.sending import check_destination
    from service.peers import dicom_peer, web_peer

    if isinstance(address, Hl7Destination | FhirDestination | FolderDestination):
        return check_destination(address)
    if isinstance(address, DicomAddress):
        echo(dicom_peer(address), calling_ae=settings.receiver.ae_title)
        return "answers C-ECHO"
    check_web(web_peer(address))
    return "answers DICOMweb"
