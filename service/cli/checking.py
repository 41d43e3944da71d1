"""The command that says whether this installation is healthy."""

import json
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from grading.errors import FacialisError
from service import checks
from service.cli.session import records
from service.database import DatabaseUnavailableError
from service.records import activations
from service.running import NotRunningError
from service.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(check)


def check(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False) -> None:
    """Check database, broker, workers, disk, bundle, device, constancy and peers; status 1 if one fails."""
    settings = load_settings()
    parts: dict[str, Callable[[Settings], str]] = {
        "database": _database,
        "broker": checks.broker,
        "disk": checks.disk,
        "bundle": _bundle,
        "device": checks.device,
        "workers": _workers,
        "outbox": _outbox,
        "constancy": _constancy,
    }
    for destination in settings.destinations:
        parts[f"destination {destination.name}"] = partial(checks.peer, destination)
    for source in settings.sources:
        parts[f"source {source.name}"] = partial(checks.peer, source)
    for sender in settings.receiver.commitment_peers:
        parts[f"commitment peer {sender.ae_title}"] = partial(checks.commitment_peer, sender)
    results = []
    for name, run in parts.items():
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


def _database(_settings: Settings) -> str:
    with records() as session:
        return checks.database(session)


def _bundle(settings: Settings) -> str:
    try:
        with records() as session:
            activated = activations.active_hash(session)
    except (NotRunningError, DatabaseUnavailableError):
        # That is told of as the database; what the settings name can be looked at without one.
        activated = None
    return checks.bundle(settings, activated)


def _workers(_settings: Settings) -> str:
    with records() as session:
        return checks.workers(session)


def _constancy(settings: Settings) -> str:
    with records() as session:
        return checks.constancy(session, settings)


def _outbox(_settings: Settings) -> str:
    with records() as session:
        return checks.outbox(session)
