"""What senders ask us to commit ourselves to is reported to them, whoever is away meanwhile."""

import datetime as dt
import queue
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import VLPhotographicImageStorage
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from dicom.commitment import CommitmentReport, request_commitment
from dicom.committing import CommitmentRequest
from dicom.intake import Stored
from dicom.peers import Peer, PeerUnavailableError
from dicom.receiver import Receiver, ReceiverConfig
from dicom.uids import derived_uid
from service.committing import Committer
from service.database import DatabaseUnavailableError, connect
from service.receiver_settings import CommitmentPeer, ReceiverSettings
from service.records.models import CommitmentQuestion
from service.settings import Settings
from service.storage import FolderStorage
from tests.dicom.samples import FolderIntake, photo

TRANSACTION = derived_uid("asked")
KEPT, MISSING = derived_uid("kept"), derived_uid("never seen")
ASKED = tuple((str(VLPhotographicImageStorage), uid) for uid in (KEPT, MISSING))
REQUEST = CommitmentRequest(TRANSACTION, ASKED, "CAMERA")


@pytest.fixture
def port() -> int:
    """Where the sender listens, once it does."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(port: int) -> Settings:
    peer = CommitmentPeer(ae_title="CAMERA", host="127.0.0.1", port=port)
    return Settings(receiver=ReceiverSettings(commitment_peers=(peer,)))


@contextmanager
def sender(port: int, folder: Path) -> Iterator["queue.Queue[CommitmentReport]"]:
    """A sender that listens for reports."""
    reports: queue.Queue[CommitmentReport] = queue.Queue()
    config = ReceiverConfig(spool=folder / "spool", ae_title="CAMERA", host="127.0.0.1", port=port)
    listening = Receiver(config, FolderIntake(folder / "store"), on_commitment=reports.put)
    listening.start()
    try:
        yield reports
    finally:
        listening.stop()


@contextmanager
def committing(engine: Engine, storage: FolderStorage, settings: Settings) -> Iterator[Committer]:
    committer = Committer(engine, storage, settings)
    committer.start()
    try:
        yield committer
    finally:
        committer.stop()


def waiting(engine: Engine) -> list[CommitmentQuestion]:
    with Session(engine) as session:
        return list(session.scalars(select(CommitmentQuestion)))


@pytest.mark.journey
def test_a_request_outlives_the_process_and_a_sender_that_is_away(
    engine: Engine,
    storage: FolderStorage,
    settings: Settings,
    port: int,
    store: Callable[[Dataset], Stored],
    tmp_path: Path,
) -> None:
    store(photo(sop_instance_uid=KEPT))
    with committing(engine, storage, settings) as first:
        assert first.ask(REQUEST)
    (row,) = waiting(engine)
    assert (row.calling_ae, row.transaction_uid) == ("CAMERA", TRANSACTION)
    with Session(engine) as session, session.begin():
        session.execute(update(CommitmentQuestion).values(next_attempt_at=dt.datetime.now(dt.UTC)))
    with sender(port, tmp_path) as reports, committing(engine, storage, settings):
        report = reports.get(timeout=60)
    assert report.transaction_uid == TRANSACTION
    assert set(report.committed) == {KEPT}
    assert set(report.failed) == {MISSING}
    assert waiting(engine) == []


def test_the_same_request_again_is_one(engine: Engine, storage: FolderStorage, settings: Settings) -> None:
    committer = Committer(engine, storage, settings)
    assert committer.ask(REQUEST)
    assert committer.ask(REQUEST)
    assert len(waiting(engine)) == 1


def test_a_stranger_is_told_so_and_nothing_is_kept(
    engine: Engine, storage: FolderStorage, settings: Settings
) -> None:
    assert not Committer(engine, storage, settings).ask(CommitmentRequest(TRANSACTION, ASKED, "STRANGER"))
    assert waiting(engine) == []


@pytest.mark.journey
def test_old_requests_and_those_of_former_peers_are_given_up(
    engine: Engine, storage: FolderStorage, settings: Settings
) -> None:
    committer = Committer(engine, storage, settings)
    committer.ask(REQUEST)
    with Session(engine) as session, session.begin():
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=4)
        session.execute(update(CommitmentQuestion).values(asked_at=long_ago))
    assert not committer._report_next()
    assert waiting(engine) == []
    committer.ask(REQUEST)
    other = settings.receiver.commitment_peers[0].model_copy(update={"ae_title": "OTHER"})
    without = settings.model_copy(update={"receiver": ReceiverSettings(commitment_peers=(other,))})
    assert Committer(engine, storage, without)._report_next()
    assert waiting(engine) == []


@pytest.mark.journey
def test_a_fault_does_not_end_the_reporting(
    without_tables: Engine, storage: FolderStorage, settings: Settings
) -> None:
    with committing(without_tables, storage, settings) as committer:
        committer._thread.join(1)
        assert committer._thread.is_alive()


@pytest.mark.journey
def test_without_a_database_the_sender_is_not_told_that_we_took_it_on(
    storage: FolderStorage, settings: Settings, tmp_path: Path
) -> None:
    away = Committer(connect("postgresql+psycopg://nobody@127.0.0.1:1/none"), storage, settings)
    with pytest.raises(DatabaseUnavailableError):
        away.ask(REQUEST)
    config = ReceiverConfig(spool=tmp_path / "spool", host="127.0.0.1", port=0)
    receiver = Receiver(config, FolderIntake(tmp_path / "store"), commit=away.ask)
    receiver.start()
    try:
        with pytest.raises(PeerUnavailableError):
            request_commitment(
                list(ASKED), Peer("FACIALIS", "127.0.0.1", receiver.port), TRANSACTION, calling_ae="CAMERA"
            )
    finally:
        receiver.stop()
