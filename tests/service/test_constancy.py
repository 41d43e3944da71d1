"""The daily constancy check: when it is due, what differs, how it stands, what the commands say.

That a real worker makes it is tested in tests/workers/test_constancy.py.
"""

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner

from service import checks
from service.checks import CheckError
from service.cli import app
from service.cli import session as cli_session
from service.constancy import Beyond, Change, Verdict, due_night, standing
from service.constancy_settings import ConstancySettings
from service.database import transaction
from service.records import constancy
from service.records.audit import AuditSearch, find, system
from service.records.audit_events import AuditEventKind
from service.records.constancy import NoSuchCheckError
from service.records.models import ConstancyRun, ConstancyState
from service.settings import Settings
from tests.service.browsing import Browser
from tests.service.constancy_checks import made

SETTINGS = Settings()
NIGHT = dt.date(2026, 3, 29)


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-06-02T00:59:59+00:00", "2026-06-01"),  # 02:59:59 in Berlin
        ("2026-06-02T01:00:00+00:00", "2026-06-02"),
        ("2026-12-02T01:30:00+00:00", "2026-12-01"),
        ("2026-03-29T00:59:00+00:00", "2026-03-28"),  # clocks go from 02:00 to 03:00
        ("2026-03-29T01:00:00+00:00", "2026-03-29"),
    ],
)
def test_a_night_is_due_at_its_time_in_the_zone_of_the_pages(now: str, night: str) -> None:
    due = due_night(dt.datetime.fromisoformat(now), SETTINGS.constancy, ZoneInfo("Europe/Berlin"))
    assert due.isoformat() == night


def test_a_night_is_asked_for_once_and_missed_ones_are_caught_up_by_one_check(engine: Engine) -> None:
    with transaction(engine) as session:
        assert constancy.ask_for_night(session, NIGHT)
        assert not constancy.ask_for_night(session, NIGHT)
        # Nobody made it for three days.
        assert constancy.ask_for_night(session, NIGHT + dt.timedelta(days=3))
        (waiting,) = constancy.waiting_checks(session)
        assert session.get_one(ConstancyRun, waiting).night == NIGHT + dt.timedelta(days=3)
        assert constancy.begin(session, waiting, 60) is not None
        assert constancy.begin(session, waiting, 60) is None


def test_who_asks_while_one_waits_gets_that_one(engine: Engine) -> None:
    with transaction(engine) as session:
        constancy.ask_for_night(session, NIGHT)
        assert constancy.ask(session, "adam") == constancy.ask(session, "eva")
        assert len(constancy.open_checks(session)) == 1


def test_scores_that_jump_or_drift_differ(engine: Engine) -> None:
    with transaction(engine) as session:
        first = made(session, {"R1": 50, "M1": 60})
        assert (first.state, first.compared) == (ConstancyState.AGREES, {})
        for step in (1, 2):
            assert made(session, {"R1": 50 + 0.2 * step, "M1": 60}).state is ConstancyState.AGREES
        drifted = made(session, {"R1": 50.6, "M1": 60})
        assert drifted.state is ConstancyState.DIFFERS
        (beyond,) = standing(session, SETTINGS).beyond
        assert beyond == Beyond("R1", pytest.approx(0.6), "first", first.id)
        jumped = made(session, {"R1": 50, "M1": 59})
        found = standing(session, SETTINGS)
        assert [(one.item, one.against, round(one.points, 1)) for one in found.beyond] == [
            ("M1", "last", -1.0),
            ("M1", "first", -1.0),
            ("R1", "last", -0.6),
        ]
        assert not found.ok
        assert found.run is not None
        assert found.run.id == jumped.id


def test_another_bundle_begins_anew_and_the_change_is_told(engine: Engine) -> None:
    with transaction(engine) as session:
        made(session, {"R1": 50})
        other = made(session, {"R1": 90}, bundle="c", torch="2.7", device="GPU")
        found = standing(session, SETTINGS)
        assert (other.state, found.verdict, found.largest) == (ConstancyState.AGREES, Verdict.AGREES, {})
        assert found.changes == (Change("torch", "2.6", "2.7"), Change("device", "", "GPU"))
        # The one before is compared with its own scores.
        assert made(session, {"R1": 50}).state is ConstancyState.AGREES


def test_accepted_scores_are_the_ones_to_compare_with(engine: Engine) -> None:
    with transaction(engine) as session:
        first = made(session, {"R1": 50})
        changed = made(session, {"R1": 52})
        with pytest.raises(NoSuchCheckError, match="not the newest"):
            constancy.accept(session, first.id, system("test"))
        constancy.accept(session, changed.id, system("test"))
        assert standing(session, SETTINGS).ok
        assert made(session, {"R1": 52.1}).state is ConstancyState.AGREES
        assert made(session, {"R1": 50}).state is ConstancyState.DIFFERS
        (event,) = find(session, AuditSearch(kinds=(AuditEventKind.CONSTANCY_ACCEPTED,)), 10)
        assert event.detail == {"check": changed.id, "bundle": "b"}
        with pytest.raises(NoSuchCheckError):
            constancy.accept(session, 999, system("test"))


def test_a_check_that_failed_or_is_overdue_is_told(engine: Engine) -> None:
    with transaction(engine) as session:
        assert checks.constancy(session, SETTINGS) == "no check was made yet"
        made(session, {"R1": 50})
        assert "first by its bundle" in checks.constancy(session, SETTINGS)
        made(session, {"R1": 50})
        assert "at most 0.000 points" in checks.constancy(session, SETTINGS)
        lease = constancy.begin(session, constancy.ask(session, "test"), 60)
        assert lease is not None
        constancy.end(session, lease, ConstancyState.FAILED, code="face.none", reason="No face was found.")
        with pytest.raises(CheckError, match=r"check 3 of .* failed: No face was found"):
            checks.constancy(session, SETTINGS)
        session.execute(
            update(ConstancyRun).values(finished_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=27))
        )
        with pytest.raises(CheckError, match="not checked since"):
            checks.constancy(session, SETTINGS)
        off = SETTINGS.model_copy(update={"constancy": ConstancySettings(daily=False)})
        assert not standing(session, off).overdue


def test_a_check_that_no_worker_ever_makes_becomes_overdue(engine: Engine) -> None:
    with transaction(engine) as session:
        constancy.ask_for_night(session, NIGHT)
        assert standing(session, SETTINGS).ok
        session.execute(
            update(ConstancyRun).values(asked_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=27))
        )
        assert standing(session, SETTINGS).overdue


@pytest.fixture
def command(database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on the tests' database."""
    monkeypatch.setattr(cli_session, "load_settings", lambda: SETTINGS)
    monkeypatch.setattr(cli_session, "database_url", lambda _: database_url)
    return lambda *arguments: CliRunner().invoke(app, ["constancy", *arguments], env={"COLUMNS": "200"})


def test_the_commands_tell_what_was_found_and_accept_it(engine: Engine, command: Any) -> None:
    with transaction(engine) as session:
        made(session, {"R1": 50})
        made(session, {"R1": 51}, torch="2.7")
    newest, first = json.loads(command("list", "--json").stdout)
    assert (newest["state"], newest["changes"]) == ("differs", {"torch": ["2.6", "2.7"]})
    assert newest["compared"]["first"] == {"run": first["check"], "limit": 0.5, "differences": {"R1": 1.0}}
    assert command("accept", str(newest["check"])).exit_code == 0
    assert "accepted" in command("list").stdout


def test_a_check_that_nobody_makes_is_an_error(engine: Engine, command: Any) -> None:
    answer = command("run", "--wait", "0")
    assert answer.exit_code == 1
    assert "no worker has made check 1" in str(answer.exception)


def test_who_watches_the_service_is_told_without_signing_in(engine: Engine, visitor: Browser) -> None:
    with transaction(engine) as session:
        made(session, {"R1": 50})
        made(session, {"R1": 60})
    assert visitor.get("/health").json() == {"database": "reachable", "constancy": "differs"}
    with transaction(engine) as session:
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=27)
        session.execute(update(ConstancyRun).values(finished_at=long_ago))
    assert visitor.get("/health").json()["constancy"] == "overdue"
