"""The command ``facialis``. Each group of commands lives in a module named for what it is about."""

import errno
import sys
from typing import NoReturn

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
    """Run the command line; an error that Facialis or the system raises is one line and status 1."""
    try:
        app()
    except FacialisError as error:
        _fail(error.code, str(error))
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise  # not of a file that somebody named
        place = f": {error.filename}" if error.filename else ""
        _fail(f"os.{error.errno}", f"{error.strerror}{place}")


def _fail(code: str, words: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]error[/] [dim]{code}[/]: ", end="")
    print(words, file=sys.stderr)  # noqa: T201 - the message is no markup
    sys.exit(1)
