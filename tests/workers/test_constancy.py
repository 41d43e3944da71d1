"""The constancy check as workers make it: a drawn face, the real bundle, nothing left behind but its row."""

from pathlib import Path
from typing import cast

import pytest
import redis
from celery import Celery
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from grading.bundle import BackboneId, Bundle
from grading.grader import Grader
from service.constancy_settings import ConstancySettings
from service.database import transaction
from service.embedded.redis import EmbeddedRedis
from service.records import constancy
from service.records.models import Base, ConstancyRun, ConstancyState
from service.settings import Settings
from service.storage import FolderStorage
from workers.app import make_app
from workers.constancy import LIBRARIES, check
from workers.context import Context
from workers.reconcile import reconcile

ALONE = {"constancy_run", "alembic_version"}


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> Context:
    return Context(Settings(), engine, FolderStorage(tmp_path / "files"))


def checked(context: Context) -> ConstancyRun:
    with transaction(context.engine) as session:
        number = constancy.ask(session, "test")
    check(context, number)
    with Session(context.engine) as session:
        return session.get_one(ConstancyRun, number)


@pytest.mark.journey
def test_the_phantom_gets_the_same_scores_again_and_leaves_no_trace(
    engine: Engine, context: Context, tmp_path: Path
) -> None:
    first, second = checked(context), checked(context)
    assert (first.state, second.state) == (ConstancyState.AGREES, ConstancyState.AGREES), second.reason
    assert first.scores is not None
    assert len(first.scores) == 12
    assert second.compared is not None
    for against in ("last", "first"):
        assert max(map(abs, second.compared[against]["differences"].values())) < 0.01
    assert second.environment == first.environment
    assert first.environment is not None
    assert set(LIBRARIES) < first.environment.keys()
    with Session(engine) as session:
        filled = {
            table.name
            for table in Base.metadata.sorted_tables
            if session.scalar(select(func.count()).select_from(table))
        }
    assert filled <= ALONE
    assert not list((tmp_path / "files").rglob("*"))


@pytest.mark.journey
def test_a_network_that_computes_otherwise_is_noticed(context: Context) -> None:
    checked(context)
    bundle = context.bundle()
    # As a machine would whose libraries compute in half the precision.
    context._graders[bundle.hash] = Grader(bundle, precision="bfloat16")
    assert checked(context).state is ConstancyState.DIFFERS


def test_a_bundle_of_other_poses_fails_with_the_reason(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other:
        poses = ("WINK",)
        backbone = BackboneId("n", "l", "w")

    monkeypatch.setattr(Context, "bundle", lambda _: cast(Bundle, Other()))
    row = checked(context)
    assert (row.state, row.code) == (ConstancyState.FAILED, "constancy.phantom")
    assert row.reason == "the phantom shows the poses of jena9, the bundle reads others"


def test_a_check_that_keeps_breaking_off_is_given_up(engine: Engine, context: Context) -> None:
    with transaction(engine) as session:
        number = constancy.ask(session, "test")
        session.get_one(ConstancyRun, number).crashes = context.settings.workers.max_attempts
    check(context, number)
    with Session(engine) as session:
        row = session.get_one(ConstancyRun, number)
    assert (row.state, row.reason) == (
        ConstancyState.FAILED,
        "5 attempts broke off: look into the log of the worker",
    )


@pytest.fixture
def app(broker: EmbeddedRedis) -> Celery:
    return make_app(Settings(broker_url=broker.url()))  # type: ignore[arg-type]


@pytest.mark.journey
def test_the_clock_asks_for_one_check_a_night(
    engine: Engine, context: Context, app: Celery, queue: redis.Redis
) -> None:
    reconcile(context)
    reconcile(context)
    assert queue.llen(constancy.QUEUE) == 1
    with Session(engine) as session:
        (run,) = session.scalars(select(ConstancyRun))
    assert run.night is not None
    assert run.asked_by == constancy.CLOCK


@pytest.mark.journey
def test_switched_off_the_clock_asks_for_none(
    engine: Engine, context: Context, app: Celery, queue: redis.Redis
) -> None:
    off = context.settings.model_copy(update={"constancy": ConstancySettings(daily=False)})
    with transaction(engine) as session:
        number = constancy.ask(session, "adam")
    reconcile(Context(off, engine, context.storage))
    with Session(engine) as session:
        assert list(session.scalars(select(ConstancyRun.id))) == [number]
    # What a person asked for is done all the same.
    assert queue.llen(constancy.QUEUE) == 1
