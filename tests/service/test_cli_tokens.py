"""The commands about tokens and recordings, over a real database."""

import json
from collections.abc import Callable, Iterator

import pytest
from pydicom import Dataset
from sqlalchemy import Engine
from typer.testing import CliRunner

from dicom.intake import Stored
from grading.errors import FacialisError
from service.cli import app
from service.database import transaction
from service.records.tokens import find_token
from service.settings import load_settings
from tests.service.samples import series

Command = Callable[..., str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, engine: Engine, database_url: str) -> Iterator[Command]:
    """Run a command on the test's database; what it prints."""
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, FacialisError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    yield run
    load_settings.cache_clear()


def test_token_is_made_used_listed_and_revoked(command: Command, engine: Engine) -> None:
    token = command("token", "create", "archive", "--scope", "write", "--days", "30").strip()
    with transaction(engine) as session:
        found = find_token(session, token)
        assert found is not None
        assert found.scope == "write"
    (row,) = json.loads(command("token", "list", "--json"))
    assert (row["name"], row["scope"], row["revoked"]) == ("archive", "write", None)
    assert row["last_used"] is not None
    assert token not in command("token", "list")
    command("token", "revoke", "archive")
    with transaction(engine) as session:
        assert find_token(session, token) is None
    assert "archive" in command("token", "list")


def test_token_that_does_not_exist_cannot_be_revoked(command: Command) -> None:
    with pytest.raises(FacialisError, match="no token of that name"):
        command("token", "revoke", "nobody")


def test_open_series_is_closed_and_its_reason_listed(
    command: Command, store: Callable[[Dataset], Stored]
) -> None:
    for photo in series()[:5]:
        store(photo)
    command("recordings", "close", "1")
    (row,) = json.loads(command("recordings", "list", "--json"))
    assert (row["state"], row["code"]) == ("needs_attention", "series.poses")
    with pytest.raises(FacialisError, match="ended already"):
        command("recordings", "close", "1")
    with pytest.raises(FacialisError, match="no recording 7"):
        command("recordings", "close", "7")
