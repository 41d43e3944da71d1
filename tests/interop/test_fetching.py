"""History is taken in from archives: DCMTK's by C-GET and C-MOVE, Orthanc by C-GET and DICOMweb."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEGBaseline8Bit
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.archive import Archive, QueryRefusedError, SeriesRef
from dicom.peers import Peer, PeerUnavailableError
from dicom.query import DimseArchive
from dicom.receiver import Receiver, ReceiverConfig
from dicom.sending import send_objects
from dicom.uids import derived_uid
from dicom.web_query import WebArchive
from service.fetching import Fetcher, SeriesFetched, find_series
from service.intake import ServiceIntake
from service.records.models import Photo, Recording, RecordingState
from service.settings import Settings
from service.storage import FolderStorage
from tests.dicom.samples import save
from tests.interop.conftest import Orthanc, free_port, listens, program, wait_for
from tests.service.samples import closing, series

pytestmark = pytest.mark.interop

DAY = dt.date(2026, 3, 1)


@pytest.fixture
def intake(engine: Engine, tmp_path: Path) -> ServiceIntake:
    return ServiceIntake(engine, FolderStorage(tmp_path / "files"), Settings(), closing(engine, []))


@pytest.fixture
def fetch(engine: Engine, intake: ServiceIntake, tmp_path: Path) -> Callable[[Archive], list[SeriesFetched]]:
    """Fetch everything of one day, as the command does."""

    def run(archive: Archive) -> list[SeriesFetched]:
        fetcher = Fetcher(archive, engine, intake, tmp_path / "files" / "fetching", "PACS", 1000)
        return [fetcher.fetch(found) for found in find_series(archive, DAY, DAY, "XC")]

    return run


@pytest.fixture
def dcmqrscp(tmp_path: Path) -> Iterator[tuple[Peer, int]]:
    """DCMTK's archive, which knows FACIALIS at a free port; that port."""
    (tmp_path / "archive").mkdir()
    port, ours = free_port(), free_port()
    config = tmp_path / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nfacialis = (FACIALIS, 127.0.0.1, {ours})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDCMQR {tmp_path / 'archive'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    command = [program("dcmqrscp"), "-c", str(config), "+xy", "-xy", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port), process)
        yield Peer("DCMQR", "127.0.0.1", port), ours
    finally:
        process.terminate()
        process.wait(10)


def put(peer: Peer, folder: Path, *names: str) -> None:
    """Store whole series in an archive."""
    for name in names:
        files = [save(photo, folder / name / f"{n}.dcm") for n, photo in enumerate(series(name))]
        assert all(outcome.ok for outcome in send_objects(files, peer, calling_ae="FACIALIS"))


def stored(engine: Engine, intake: ServiceIntake) -> dict[str, Dataset]:
    with Session(engine) as session:
        rows = session.scalars(select(Photo)).all()
        return {row.sop_instance_uid: dcmread(intake.storage.path(row.storage_key)) for row in rows}


def check_taken_in(engine: Engine, intake: ServiceIntake, *names: str) -> None:
    """The photos are there as they were, compressed as they were, and the recordings are complete."""
    found = stored(engine, intake)
    for photo in [photo for name in names for photo in series(name)]:
        assert found[photo.SOPInstanceUID] == photo
        assert found[photo.SOPInstanceUID].file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    with Session(engine) as session:
        states = {row.series_uid: row.state for row in session.scalars(select(Recording))}
    assert all(states[derived_uid("series", name)] is RecordingState.COMPLETE for name in names)


@contextmanager
def receiving(intake: ServiceIntake, port: int, spool: Path) -> Iterator[None]:
    config = ReceiverConfig(spool=spool, host="127.0.0.1", port=port, min_free_bytes=0)
    receiver = Receiver(config, intake)
    receiver.start()
    yield
    receiver.stop()


Fetch = Callable[[Archive], list[SeriesFetched]]


def test_series_come_from_dcmtk_by_get_once(
    dcmqrscp: tuple[Peer, int], fetch: Fetch, engine: Engine, intake: ServiceIntake, tmp_path: Path
) -> None:
    peer, _ = dcmqrscp
    put(peer, tmp_path, "one", "two")
    archive = DimseArchive(peer, "FACIALIS")
    first = fetch(archive)
    assert [(result.objects, result.known, result.error) for result in first] == [(9, 0, None)] * 2
    check_taken_in(engine, intake, "one", "two")
    assert [(result.objects, result.known, result.error) for result in fetch(archive)] == [(9, 9, None)] * 2
    assert list(find_series(archive, dt.date(2025, 1, 1), dt.date(2025, 3, 1), "XC")) == []
    assert list(find_series(archive, DAY, DAY, "CT")) == []


def test_a_run_that_was_broken_off_fetches_only_the_rest(
    dcmqrscp: tuple[Peer, int], fetch: Fetch, engine: Engine, intake: ServiceIntake, tmp_path: Path
) -> None:
    peer, _ = dcmqrscp
    put(peer, tmp_path, "one")
    archive = DimseArchive(peer, "FACIALIS")
    (found,) = find_series(archive, DAY, DAY, "XC")
    fetcher = Fetcher(archive, engine, intake, tmp_path / "files" / "fetching", "PACS", 1000)
    archive.retrieve(found, archive.instances(found)[:4], fetcher._take)
    assert len(stored(engine, intake)) == 4
    assert [(result.objects, result.known) for result in fetch(archive)] == [(9, 4)]
    check_taken_in(engine, intake, "one")
    # What is sent as well is the same object, not a conflict.
    ours = free_port()
    with receiving(intake, ours, tmp_path / "files" / "spool"):
        put(Peer("FACIALIS", "127.0.0.1", ours), tmp_path, "one")
    with Session(engine) as session:
        assert set(session.scalars(select(Photo.times_received))) == {2}


def test_series_come_from_dcmtk_by_move_to_our_receiver(
    dcmqrscp: tuple[Peer, int], fetch: Fetch, engine: Engine, intake: ServiceIntake, tmp_path: Path
) -> None:
    peer, ours = dcmqrscp
    put(peer, tmp_path, "one")
    archive = DimseArchive(peer, "FACIALIS", "move")
    (unheard,) = fetch(archive)
    assert unheard.error is not None
    with receiving(intake, ours, tmp_path / "files" / "spool"):
        (result,) = fetch(archive)
    assert result.error is None
    check_taken_in(engine, intake, "one")


@pytest.mark.parametrize("way", ["DIMSE", "DICOMweb"])
def test_series_come_from_orthanc_as_they_are_stored(
    orthanc: Orthanc, fetch: Fetch, engine: Engine, intake: ServiceIntake, tmp_path: Path, way: str
) -> None:
    put(orthanc.peer, tmp_path, f"orthanc {way}")
    archive: Archive = DimseArchive(orthanc.peer, "FACIALIS") if way == "DIMSE" else WebArchive(orthanc.web)
    results = fetch(archive)
    assert derived_uid("series", f"orthanc {way}") in {result.series.series_uid for result in results}
    assert [result.error for result in results] == [None] * len(results)
    check_taken_in(engine, intake, f"orthanc {way}")
    assert all(result.known == result.objects > 0 for result in fetch(archive))


def test_a_peer_without_an_archive_and_one_that_is_away_are_told_apart(storescp: tuple[Peer, Path]) -> None:
    series = SeriesRef("1.2", "1.3")
    with pytest.raises(PeerUnavailableError):
        DimseArchive(Peer("NOBODY", "127.0.0.1", free_port()), "FACIALIS").instances(series)
    with pytest.raises(QueryRefusedError, match="does not offer"):
        DimseArchive(storescp[0], "FACIALIS").instances(series)


def test_the_command_fetches_and_counts(
    dcmqrscp: tuple[Peer, int], engine: Engine, intake: ServiceIntake, tmp_path: Path
) -> None:
    peer, _ = dcmqrscp
    put(peer, tmp_path, "one")
    source = {"name": "PACS", "ae_title": "DCMQR", "host": "127.0.0.1", "port": peer.port}
    environment = os.environ | {
        "FACIALIS_DATABASE_URL": engine.url.render_as_string(hide_password=False).replace("+psycopg", ""),
        "FACIALIS_DATA_DIR": str(tmp_path),
        "FACIALIS_SOURCES": json.dumps([source]),
    }

    def fetch(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "service", "fetch", "--from", name, "--since", "2026-02-01"]
        command += ["--until", "2026-04-15", "--json"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    fetched = fetch("PACS")
    assert fetched.returncode == 0, fetched.stderr
    assert json.loads(fetched.stdout) == {"series": 1, "objects": 9, "known": 0, "failed_series": 0}
    with Session(engine) as session:
        arrived = session.scalars(select(Recording.id)).all()
    for recording in arrived:
        closing(engine, [])(recording)
    check_taken_in(engine, intake, "one")
    unknown = fetch("RIS")
    assert unknown.returncode == 1
    assert "fetch.source" in unknown.stderr
