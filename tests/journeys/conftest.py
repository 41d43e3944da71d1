"""A whole service as a hospital would run it: real processes, real sockets, a stand-in PACS to deliver to."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from dicom.sending import Peer
from service.database import connect
from service.demo.place import DemoPlace, pacs_child, prepare_place, service_child, wait_for_service
from service.records.models import Recording, RecordingState
from service.supervisor import Child, Supervisor

ENDED = {RecordingState.DELIVERED, RecordingState.NEEDS_ATTENTION}


@dataclass
class RunningService:
    """The service, its database and its stand-in PACS."""

    place: DemoPlace
    engine: Engine
    pacs: Child

    @property
    def receiver(self) -> Peer:
        return Peer("FACIALIS", "127.0.0.1", self.place.receiver_port)

    def recording(self, series_uid: str) -> Recording | None:
        """The recording with its photos, gradings, reports and deliveries."""
        with Session(self.engine) as session:
            return session.scalar(
                select(Recording)
                .where(Recording.series_uid == series_uid)
                .options(selectinload(Recording.photos), selectinload(Recording.gradings))
            )

    def state(self, series_uid: str) -> RecordingState | None:
        """Where the recording is; None if nothing of it has come."""
        row = self.recording(series_uid)
        return row.state if row is not None else None

    def wait_for(self, series_uid: str, seconds: float = 120) -> Recording:
        """The recording when it was delivered or needs attention."""
        wait_until(
            lambda: self.state(series_uid) in ENDED, seconds, lambda: f"it is {self.state(series_uid)}"
        )
        row = self.recording(series_uid)
        assert row is not None
        return row

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours with this service's settings."""
        return subprocess.run(
            [sys.executable, "-m", "service", *arguments],
            env=self.place.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def wait_until(condition: Callable[[], bool], seconds: float, told: Callable[[], str] = lambda: "") -> None:
    """Wait for something that takes time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s; {told()}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service for all journeys, in a folder with a space in its name."""
    place = prepare_place(tmp_path_factory.mktemp("journeys") / "a service")
    supervisor = Supervisor()
    child, pacs = service_child(place), pacs_child(place)
    try:
        supervisor.start(pacs)
        supervisor.start(child)
        running = wait_for_service(place, child)
        engine = connect(running.database_url)
        yield RunningService(place, engine, pacs)
        engine.dispose()
    finally:
        supervisor.stop()
