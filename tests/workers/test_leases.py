"""Who may work on a row: leases in a real database, their expiry, loss and waiting times."""

import datetime as dt

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from service.records import flow, leases
from service.records.flow import Stage
from service.records.leases import LeaseLostError
from service.records.models import Recording, RecordingState, StageRun


@pytest.fixture
def recording_id(engine: Engine) -> int:
    now = dt.datetime.now(dt.UTC)
    with Session(engine) as session, session.begin():
        row = Recording(
            series_uid="1.2.3",
            study_uid="1.2",
            protocol="jena9",
            state=RecordingState.COMPLETE,
            first_received_at=now,
            last_received_at=now,
            state_changed_at=now,
        )
        session.add(row)
        session.flush()
        return row.id


def begin(engine: Engine, recording_id: int, seconds: float = 60) -> leases.Lease | None:
    with Session(engine) as session, session.begin():
        return flow.begin(session, Stage.PREPARE, recording_id, "worker", seconds)


def test_a_held_recording_is_not_taken_twice(engine: Engine, recording_id: int) -> None:
    assert begin(engine, recording_id) is not None
    assert begin(engine, recording_id) is None


def test_what_a_killed_worker_held_is_taken_up_when_its_lease_ran_out(
    engine: Engine, recording_id: int
) -> None:
    first = begin(engine, recording_id, seconds=-1)
    second = begin(engine, recording_id)
    assert first is not None
    assert second is not None
    assert (first.crashes, second.crashes) == (0, 1)


def test_a_worker_that_lost_its_lease_stores_nothing(engine: Engine, recording_id: int) -> None:
    late = begin(engine, recording_id, seconds=-1)
    begin(engine, recording_id)
    assert late is not None
    with Session(engine) as session, pytest.raises(LeaseLostError):
        flow.finish(session, Stage.PREPARE, late)


def test_a_finished_stage_moves_the_recording_on_and_cannot_be_done_again(
    engine: Engine, recording_id: int
) -> None:
    lease = begin(engine, recording_id)
    assert lease is not None
    with Session(engine) as session, session.begin():
        flow.finish(session, Stage.PREPARE, lease)
    with Session(engine) as session:
        assert session.get_one(Recording, recording_id).state is RecordingState.PREPARED
        (run,) = session.query(StageRun).all()
        assert run.outcome == "done"
        assert run.finished_at is not None
        assert run.finished_at >= run.started_at
    assert begin(engine, recording_id) is None


def test_each_failed_attempt_waits_twice_as_long_up_to_an_hour(engine: Engine, recording_id: int) -> None:
    waits = []
    for _ in range(12):
        with Session(engine) as session, session.begin():
            session.execute(update(Recording).values(next_attempt_at=None))
        lease = begin(engine, recording_id)
        assert lease is not None
        with Session(engine) as session, session.begin():
            leases.postpone(session, Recording, lease, 10)
        with Session(engine) as session:
            row = session.get_one(Recording, recording_id)
            assert row.next_attempt_at is not None
            waits.append((row.next_attempt_at - dt.datetime.now(dt.UTC)).total_seconds())
    longest = [*(10 * 2**attempt for attempt in range(9)), 3600, 3600, 3600]
    assert all(
        (1 - leases.JITTER) * most - 2 < wait <= most for wait, most in zip(waits, longest, strict=True)
    )


def test_a_postponed_recording_is_left_alone_until_its_time(engine: Engine, recording_id: int) -> None:
    lease = begin(engine, recording_id)
    assert lease is not None
    with Session(engine) as session, session.begin():
        leases.postpone(session, Recording, lease, 10)
    assert begin(engine, recording_id) is None
    with Session(engine) as session:
        assert flow.waiting_recordings(session, Stage.PREPARE, 0) == []


def test_a_worker_that_lost_its_lease_notes_its_own_run_only(engine: Engine, recording_id: int) -> None:
    late = begin(engine, recording_id, seconds=-1)
    winner = begin(engine, recording_id)
    assert late is not None
    assert winner is not None
    with Session(engine) as session, session.begin():
        flow.finish(session, Stage.PREPARE, winner)
    with Session(engine) as session, session.begin():
        flow.end_run(session, late, "lease.lost")
    with Session(engine) as session:
        assert [run.outcome for run in session.query(StageRun).order_by(StageRun.id)] == [
            "lease.lost",
            "done",
        ]
