"""`facialis deliveries`, `facialis messages` and the outbox in `facialis check`, over a real database."""

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from grading.errors import FacialisError
from service.cli import app
from service.records.audit_events import AuditEventKind
from service.records.models import Circuit, Delivery, DeliveryState, Message, MessageState
from service.records.models.audit import AuditEvent
from service.settings import load_settings
from service.storage import FolderStorage
from tests.workers.parcels import fill, states

PENDING, FAILED = DeliveryState.PENDING, DeliveryState.FAILED


@pytest.fixture
def numbers(engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Three deliveries, two of them dead letters."""
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    monkeypatch.setenv("FACIALIS_DATA_DIR", str(tmp_path))
    load_settings.cache_clear()
    found = fill(engine, FolderStorage(tmp_path / "files"), "EHR", "oru", 3)
    with Session(engine) as session, session.begin():
        for number in found[:2]:
            row = session.get_one(Delivery, number)
            row.state, row.answer = FAILED, "AR no such patient"
    return found


def run(*arguments: str) -> list[dict[str, object]]:
    outcome = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=True)
    if isinstance(outcome.exception, FacialisError):
        raise outcome.exception
    assert outcome.exit_code in (0, 1), outcome.output
    found: list[dict[str, object]] = json.loads(outcome.stdout)
    return found


def test_dead_letters_are_listed_and_tried_again(engine: Engine, numbers: list[int]) -> None:
    listed = run("deliveries", "list", "--state", "failed")
    assert [row["delivery"] for row in listed] == [numbers[1], numbers[0]]
    assert {row["answer"] for row in listed} == {"AR no such patient"}
    assert "PH-" not in json.dumps(listed)
    (again,) = run("deliveries", "retry", str(numbers[0]))
    assert (again["delivery"], again["state"]) == (numbers[0], "pending")
    assert states(engine) == [PENDING, FAILED, PENDING]
    assert len(run("deliveries", "retry", "--destination", "EHR")) == 1
    assert states(engine) == [PENDING, PENDING, PENDING]
    assert run("deliveries", "retry", "--all") == []
    with Session(engine) as session:
        kinds = session.scalars(select(AuditEvent.kind)).all()
    assert kinds == [AuditEventKind.DELIVERY_RETRIED] * 2


def test_dead_letters_are_given_up(engine: Engine, numbers: list[int]) -> None:
    (dropped,) = run("deliveries", "drop", str(numbers[0]))
    assert (dropped["delivery"], dropped["state"]) == (numbers[0], "dropped")
    assert [row["delivery"] for row in run("deliveries", "drop", "--destination", "EHR")] == [numbers[1]]
    assert run("deliveries", "list", "--state", "failed") == []
    with pytest.raises(FacialisError, match="say which"):
        run("deliveries", "drop")
    with Session(engine) as session:
        kinds = session.scalars(select(AuditEvent.kind)).all()
    assert kinds == [AuditEventKind.DELIVERY_DROPPED] * 2


def test_what_cannot_be_tried_again_is_told(numbers: list[int]) -> None:
    for arguments, said in (
        ((), "say which"),
        (("99999",), "no delivery"),
        ((str(numbers[2]),), "only one that"),
    ):
        with pytest.raises(FacialisError, match=said):
            run("deliveries", "retry", *arguments)


@pytest.mark.journey
def test_check_tells_of_dead_letters_and_of_destinations_that_are_left_alone(
    engine: Engine, numbers: list[int]
) -> None:
    now = dt.datetime.now(dt.UTC)
    with Session(engine) as session, session.begin():
        session.add(Circuit(destination="PACS", failures=4, open_until=now, answer="hung up", changed_at=now))
    command = [sys.executable, "-m", "service", "check", "--json"]
    checks = json.loads(subprocess.run(command, capture_output=True, timeout=120).stdout)
    (outbox,) = (one for one in checks if one["check"] == "outbox")
    assert outbox["ok"] is False
    assert "PACS is left alone until" in str(outbox["found"])
    assert "after 4 failures: hung up" in str(outbox["found"])
    assert "2 deliveries to EHR failed" in str(outbox["found"])


@pytest.mark.usefixtures("numbers")
def test_messages_are_listed_without_their_texts(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        for number, state in enumerate((MessageState.APPLIED, MessageState.REFUSED)):
            session.add(
                Message(
                    sender="KIS|CLINIC", control_id=str(number), digest="d", trigger="ADT^A08", address="",
                    content=b"PID|1||FP-1", state=state, answer_code="AE", words="no PID-3",
                )
            )  # fmt: skip
    assert [row["control_id"] for row in run("messages", "list")] == ["1", "0"]
    (refused,) = run("messages", "list", "--state", "refused")
    assert (refused["answer"], refused["words"]) == ("AE", "no PID-3")
    assert "FP-1" not in json.dumps(refused)
