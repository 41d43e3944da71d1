"""Brings a database to the newest revision, from the command line and at start."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def alembic_config(url: str) -> Config:
    """Alembic's configuration, without a file beside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that the database lacks; several processes may try at once, one does it."""
    command.upgrade(alembic_config(url), revision)
