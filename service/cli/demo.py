"""The command ``facialis demo``: the whole job on one machine, on phantom patients."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(demo)


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="Stop when every recording is delivered.")] = False,
    summary: Annotated[Path | None, typer.Option(help="Write what happened to this JSON file.")] = None,
    data: Annotated[Path, typer.Option(help="Folder for the demo's data; emptied at start.")] = Path(
        "facialis-demo"
    ),
    seed: Annotated[int, typer.Option(help="Which phantom patients.")] = 7,
) -> None:
    """Show the whole job: phantom photos to the receiver, grading, reports, delivery to a stand-in PACS."""
    from service.demo.run import run_demo
    from service.logs import configure_logs

    configure_logs("warning", "demo")
    if not run_demo(data, seed, stay=not exit_, summary=summary):
        raise typer.Exit(1)
