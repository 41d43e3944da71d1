"""Commands that train models and predict with them."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
