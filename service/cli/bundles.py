"""Commands about the bundles that grade here: install, list, activate, roll back, who did it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.cli.operating import operator
from service.cli.session import records
from service.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")]
Reason = Annotated[str, typer.Option(help="Why, for the history; nothing about a patient.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    bundle = typer.Typer(help="The bundles that grade what comes in.", no_args_is_help=True)
    bundle.command()(install)
    bundle.command("list")(list_bundles)
    bundle.command()(activate)
    bundle.command()(rollback)
    bundle.command()(history)
    app.add_typer(bundle, name="bundle")


def install(
    folder: Annotated[Path, typer.Argument(help="The folder that `facialis train` wrote.")],
    activate_it: Annotated[bool, typer.Option("--activate", help="Let it grade what comes in.")] = False,
    reason: Reason = "",
) -> None:
    """Copy a bundle into the data folder, where it can be activated; what grades stays as it is."""
    from service import activating
    from service.storage import FolderStorage

    settings = load_settings()
    storage = FolderStorage(settings.data_dir / "files")
    with records() as session:
        row = activating.install(session, operator(), storage, folder)
        if activate_it:
            activating.activate(session, operator(), storage, settings, row, reason)
    next_step = (
        "grades what comes in from now on" if activate_it else "facialis bundle activate lets it grade"
    )
    typer.echo(f"{row.name} {row.version} ({row.hash[:12]}) is installed; {next_step}")


def list_bundles(as_json: AsJson = False) -> None:
    """Every bundle that is known here, the newest first, and which of them grades."""
    from sqlalchemy import select

    from service import activating
    from service.bundles import is_installed
    from service.records.models import Bundle
    from service.storage import FolderStorage

    settings = load_settings()
    storage = FolderStorage(settings.data_dir / "files")
    with records() as session:
        now = activating.grading_now(session, settings)
        rows = [
            {
                "name": row.name,
                "version": row.version,
                "hash": row.hash,
                "commissioning": row.manifest.get("commissioning", True),
                "installed": is_installed(storage, row.hash),
                "active": row is now,
            }
            for row in session.scalars(select(Bundle).order_by(Bundle.id.desc()))
        ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        state = "active" if row["active"] else "installed" if row["installed"] else "not installed"
        kind = ", commissioning model: not for clinical use" if row["commissioning"] else ""
        typer.echo(f"{str(row['hash'])[:12]}  {row['name']} {row['version']}  {state}{kind}")


def activate(
    bundle: Annotated[str, typer.Argument(help="Begin of its hash; see 'facialis bundle list'.")],
    reason: Reason = "",
) -> None:
    """Let a bundle grade what comes in from now on; what is graded already stays as it is."""
    from service import activating
    from service.records.cohorts import current_bundle
    from service.storage import FolderStorage

    settings = load_settings()
    with records() as session:
        row = current_bundle(session, bundle)
        storage = FolderStorage(settings.data_dir / "files")
        activating.activate(session, operator(), storage, settings, row, reason)
    typer.echo(f"{row.name} {row.version} ({row.hash[:12]}) grades what comes in from now on")


def rollback(reason: Reason = "") -> None:
    """Let the bundle grade again that the active one replaced."""
    from service import activating
    from service.storage import FolderStorage

    settings = load_settings()
    with records() as session:
        storage = FolderStorage(settings.data_dir / "files")
        row = activating.roll_back(session, operator(), storage, settings, reason).bundle
    typer.echo(f"{row.name} {row.version} ({row.hash[:12]}) grades what comes in from now on")


def history(as_json: AsJson = False) -> None:
    """Which bundle was activated when and by whom, the newest first."""
    from service.records import activations

    with records() as session:
        rows = [
            {
                "bundle": f"{one.bundle.name} {one.bundle.version}",
                "hash": one.bundle.hash,
                "replaced": one.replaced.hash if one.replaced else None,
                "activated_at": one.activated_at.isoformat(timespec="seconds"),
                "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else None,
                "by": one.actor,
                "reason": one.reason,
            }
            for one in activations.history(session)
        ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        why = f": {row['reason']}" if row["reason"] else ""
        typer.echo(f"{row['activated_at']}  {row['bundle']} ({str(row['hash'])[:12]})  {row['by']}{why}")
    if not rows:
        typer.echo("none was activated: the bundle of the settings grades")
