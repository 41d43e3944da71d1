"""The command ``facialis``. Each group of commands lives in a module named for what it is about."""

import sys

import typer
from rich.console import Console

from grading.errors import FacialisError
from service.cli import (
    annotations,
    auditing,
    bundles,
    checking,
    constancy,
    deliveries,
    demo,
    evaluate,
    fetching,
    messages,
    models,
    patients,
    processes,
    queries,
    raters,
    records,
    regrading,
    reports,
    series,
    tokens,
    users,
    weights,
)

app = typer.Typer(
    name="facialis",
    help="Grades facial palsy on the eFACE scale from standardized photo series.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (
    demo,
    processes,
    series,
    fetching,
    models,
    evaluate,
    raters,
    weights,
    patients,
    annotations,
    records,
    queries,
    bundles,
    regrading,
    reports,
    users,
    auditing,
    deliveries,
    messages,
    tokens,
    checking,
    constancy,
):
    group.register(app)


def main() -> None:
    """Run the command line; an error that Facialis raises on purpose is one line and status 1."""
    try:
        app()
    except FacialisError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error[/] [dim]{error.code}[/]: ", end="")
        print(error, file=sys.stderr)  # noqa: T201 - the message is no markup
        sys.exit(1)
