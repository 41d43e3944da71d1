"""What moves recordings when messages are lost: the rows, a real Redis, and no worker."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.embedded.redis import EmbeddedRedis
from service.intake import ServiceIntake
from service.records.flow import Stage
from service.records.models import Recording, RecordingState
from service.settings import Settings, WorkerSettings
from service.storage import FolderStorage
from tests.service.samples import received, series
from workers.app import make_app, wake
from workers.context import Context
from workers.reconcile import reconcile


@pytest.fixture
def app(broker: EmbeddedRedis) -> Iterator[Celery]:
    app = make_app(Settings(broker_url=broker.url()))  # type: ignore[arg-type]
    yield app
    app.close()


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> Context:
    settings = Settings(quiet_seconds=60, workers=WorkerSettings(requeue_seconds=3600))
    return Context(settings, engine, FolderStorage(tmp_path))


def add(engine: Engine, state: RecordingState, quiet: float = 0) -> int:
    then = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=quiet)
    with Session(engine) as session, session.begin():
        row = Recording(
            series_uid=f"1.{then.timestamp()}", study_uid="1", protocol="jena9", state=state,
            first_received_at=then, last_received_at=then, state_changed_at=then,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def state(engine: Engine, recording_id: int) -> RecordingState:
    with Session(engine) as session:
        return session.get_one(Recording, recording_id).state


@pytest.mark.parametrize(
    ("at", "stage"),
    [
        (RecordingState.COMPLETE, Stage.PREPARE),
        (RecordingState.PREPARED, Stage.GRADE),
        (RecordingState.GRADED, Stage.REPORT),
    ],
)
def test_work_whose_message_was_lost_is_enqueued_once(
    engine: Engine, app: Celery, context: Context, queue: redis.Redis, at: RecordingState, stage: Stage
) -> None:
    add(engine, at)
    reconcile(context)
    assert queue.llen(stage.value) == 1
    reconcile(context)
    assert queue.llen(stage.value) == 1


def test_a_wiped_broker_is_filled_again(
    engine: Engine, app: Celery, context: Context, queue: redis.Redis
) -> None:
    add(engine, RecordingState.COMPLETE)
    reconcile(context)
    queue.flushall()
    reconcile(context)
    assert queue.llen("prepare") == 1


def test_held_and_waiting_work_is_left_alone(
    engine: Engine, app: Celery, context: Context, queue: redis.Redis
) -> None:
    held, waiting = add(engine, RecordingState.COMPLETE), add(engine, RecordingState.COMPLETE)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with Session(engine) as session, session.begin():
        session.get_one(Recording, held).lease_until = later
        session.get_one(Recording, waiting).next_attempt_at = later
    reconcile(context)
    assert queue.llen("prepare") == 0


def test_only_a_quiet_series_is_closed(engine: Engine, app: Celery, context: Context) -> None:
    quiet, busy = add(engine, RecordingState.RECEIVING, quiet=61), add(engine, RecordingState.RECEIVING)
    reconcile(context)
    assert state(engine, quiet) is RecordingState.NEEDS_ATTENTION
    assert state(engine, busy) is RecordingState.RECEIVING


def test_a_full_series_is_set_going_though_nobody_told(
    engine: Engine, app: Celery, context: Context, queue: redis.Redis, tmp_path: Path
) -> None:
    intake = ServiceIntake(engine, context.storage, context.settings, lambda _: None)
    for dataset in series():
        intake.store(received(dataset, tmp_path / "spool"))
    reconcile(context)
    with Session(engine) as session:
        assert session.scalars(select(Recording.state)).one() is RecordingState.COMPLETE
    assert queue.llen("prepare") == 1


@pytest.mark.journey
def test_a_dead_broker_costs_no_row_and_no_exception(engine: Engine, context: Context) -> None:
    app = make_app(Settings(broker_url="redis://127.0.0.1:1/0"))  # type: ignore[arg-type]
    row = add(engine, RecordingState.COMPLETE)
    assert wake(Stage.PREPARE, row) is False
    reconcile(context)
    with Session(engine) as session:
        assert session.scalars(select(Recording.enqueued_at)).one() is None
    app.close()
