"""What people and programs do wakes the workers at once, by a real Redis, and needs none to be done."""

import asyncio
import json
import time
from collections.abc import Callable

import pytest
import redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.access.roles import Role
from service.cli import session as cli_session
from service.database import transaction
from service.embedded.redis import EmbeddedRedis
from service.records import audit, flow, regrading
from service.records.due import Due, note
from service.records.flow import Stage
from service.records.models import (
    Delivery,
    DeliveryState,
    Recording,
    RecordingState,
    Regrading,
    RegradingState,
)
from service.records.outbox import retry_delivery
from service.records.tokens import Scope
from service.settings import Settings
from service.storage import FolderStorage
from service.waking import telling
from service.web.serve import make_site
from tests.service.browsing import Browser
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.programs import Program

NOWHERE = Settings(broker_url="redis://127.0.0.1:1/0")  # type: ignore[arg-type]


@pytest.fixture
def settings(broker: EmbeddedRedis) -> Settings:
    return Settings(broker_url=broker.url())  # type: ignore[arg-type]


@pytest.fixture
def waiting(clinic: Clinic, ada: Recording) -> Recording:
    """A recording that waits for a person."""
    flow.hold(ada, "face.none", "No face was found.")
    clinic.session.commit()
    return ada


def told(queue: redis.Redis, name: str) -> list[tuple[str, list[int]]]:
    """Task and arguments of the messages in a queue, once there is one."""
    deadline = time.monotonic() + 20
    while not queue.llen(name):
        assert time.monotonic() < deadline, f"nothing was sent to {name}"
        time.sleep(0.005)
    messages = [json.loads(message) for message in queue.lrange(name, 0, -1)]  # type: ignore[union-attr]
    return [(one["headers"]["task"], json.loads(one["headers"]["argsrepr"])) for one in messages]


def test_a_page_s_action_wakes_the_stage_that_comes_next(
    engine: Engine,
    storage: FolderStorage,
    runner: asyncio.Runner,
    settings: Settings,
    queue: redis.Redis,
    waiting: Recording,
) -> None:
    browser = Browser(make_site(telling(engine, settings), storage, settings), runner)
    browser.sign_in(engine, "clara", Role.CLINICIAN)
    assert browser.post(f"/recordings/{waiting.id}/retry").status_code == 303
    assert told(queue, "prepare") == [("facialis.prepare", [waiting.id])]


@pytest.mark.journey
def test_a_program_s_action_wakes_the_workers_too(
    engine: Engine,
    storage: FolderStorage,
    runner: asyncio.Runner,
    settings: Settings,
    queue: redis.Redis,
    waiting: Recording,
) -> None:
    program = Program(make_site(telling(engine, settings), storage, settings), runner, engine)
    answer = program.ask("POST", f"/api/v1/recordings/{waiting.id}/retry", Scope.WRITE)
    assert answer.status_code == 200, answer.text
    assert told(queue, "prepare") == [("facialis.prepare", [waiting.id])]


def grade_again(session: Session, recording: Recording) -> Due:
    flow.move(session.get_one(Recording, recording.id), RecordingState.GRADED)
    return Due("report", recording.id)


def send_again(session: Session, recording: Recording) -> Due:
    delivery = session.query(Delivery).filter_by(state=DeliveryState.FAILED).one()
    retry_delivery(session, delivery.id, audit.system("test"))
    return Due("deliver", delivery.id)


def regrade(session: Session, recording: Recording) -> Due:
    return Due(regrading.QUEUE, regrading.resume(session).id)


@pytest.mark.journey
@pytest.mark.parametrize("act", [grade_again, send_again, regrade])
def test_each_kind_of_work_reaches_its_own_queue(
    engine: Engine,
    clinic: Clinic,
    settings: Settings,
    queue: redis.Redis,
    ada: Recording,
    act: Callable[[Session, Recording], Due],
) -> None:
    recording = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.REPORTED)
    clinic.report(clinic.grade(recording, clinic.bundle("other"), 50), DeliveryState.FAILED, "Refused")
    clinic.session.add(
        Regrading(bundle_hash="b", bundle_name="b 1", bundle_path="/b", state=RegradingState.PAUSED)
    )
    clinic.session.commit()
    with transaction(telling(engine, settings, wait=True)) as session:
        due = act(session, recording)
    assert told(queue, due.queue) == [(f"facialis.{due.queue}", [due.row_id])]


def test_what_is_rolled_back_wakes_nobody(engine: Engine, settings: Settings, queue: redis.Redis) -> None:
    told_engine = telling(engine, settings, wait=True)

    def fail() -> None:
        with transaction(told_engine) as session:
            note(session, Stage.PREPARE.value, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction(told_engine) as session:
        note(session, Stage.PREPARE.value, 2)
    assert told(queue, "prepare") == [("facialis.prepare", [2])]


def test_a_command_has_told_the_workers_when_it_ends(
    database_url: str,
    engine: Engine,
    settings: Settings,
    queue: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured = settings.model_copy(update={"database_url": database_url})
    monkeypatch.setattr(cli_session, "load_settings", lambda: configured)
    monkeypatch.setattr(cli_session, "database_url", lambda _: database_url)
    with cli_session.records() as session:
        note(session, Stage.PREPARE.value, 7)
    assert queue.llen("prepare") == 1


@pytest.mark.parametrize("settings", [NOWHERE, Settings(data_dir="/nowhere")], ids=["dead", "none"])  # type: ignore[arg-type]
@pytest.mark.parametrize("wait", [pytest.param(True, marks=pytest.mark.journey), False])
def test_without_a_broker_the_action_is_done_and_its_row_found_later(
    engine: Engine, waiting: Recording, settings: Settings, wait: bool
) -> None:
    with transaction(telling(engine, settings, wait=wait)) as session:
        flow.retry(session, session.get_one(Recording, waiting.id))
    with transaction(engine) as session:
        assert flow.waiting_recordings(session, Stage.PREPARE, 3600) == [waiting.id]
