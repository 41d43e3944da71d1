"""Commands about reports."""

from typing import Annotated

import typer

from service.cli.operating import operator
from service.cli.session import records
from service.signing import sign_off


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    report = typer.Typer(help="Reports on recordings and patients.", no_args_is_help=True)
    report.command("sign-off")(sign)
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
