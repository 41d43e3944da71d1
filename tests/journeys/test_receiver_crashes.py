"""Receivers are killed at random moments under load: nothing that was answered is lost, nothing is half.

Not here: the power going off, which would need the kernel to die too; what is flushed before the answer is
measured by ``benchmarks/receive.py --flushes``.
"""

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.header_reading import read_header
from dicom.sending import Peer, PeerUnavailableError, send_objects
from dicom.uids import derived_uid
from grading.protocols import JENA9
from service.records.models import Photo
from tests.dicom.samples import photo, save

pytestmark = pytest.mark.journey

KILLS = 20
SENDERS = 4
PROGRAM = """
import sys
from pathlib import Path
from service.receive import receive
from service.receiver_settings import ReceiverSettings
from service.settings import Settings

url, data_dir, port = sys.argv[1:]
receiver = ReceiverSettings(port=int(port), processes=2, min_free_bytes=0)
receive(Settings(data_dir=Path(data_dir), database_url=url, receiver=receiver), lambda _: None)
"""


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def receiver(engine: Engine, database_url: str, port: int, tmp_path: Path) -> Iterator[psutil.Process]:
    """The process that looks after two receivers; ``engine`` is there for the empty tables."""
    log = (tmp_path / "log").open("wb")
    command = [sys.executable, "-c", PROGRAM, database_url, str(tmp_path / "data"), str(port)]
    process = subprocess.Popen(command, stderr=log)
    try:
        wait_until(lambda: listens(port))
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def send_until(
    stop: threading.Event, sender: int, folder: Path, peer: Peer, answered: dict[str, int]
) -> None:
    """Send series after series; note the size of each object that was answered with Success."""
    round_ = 0
    while not stop.is_set():
        round_ += 1
        names = [("crash", str(sender), str(round_), pose.code) for pose in JENA9.poses]
        series = derived_uid("crash", str(sender), str(round_))
        paths = [
            save(
                photo(pose, sop_instance_uid=derived_uid(*name), series_uid=series),
                folder / str(sender) / f"{pose.number}.dcm",
            )
            for name, pose in zip(names, JENA9.poses, strict=True)
        ]
        try:
            outcomes = send_objects(paths, peer, calling_ae="CAMERA", timeout=10)
        except PeerUnavailableError:
            time.sleep(0.05)
            continue
        for name, path, outcome in zip(names, paths, outcomes, strict=True):
            if outcome.ok:
                answered[derived_uid(*name)] = path.stat().st_size


def test_killed_receivers_lose_no_answered_object_and_leave_no_half_file(
    receiver: psutil.Process, engine: Engine, port: int, tmp_path: Path
) -> None:
    rng = random.Random(5)
    answered: dict[str, int] = {}
    stop = threading.Event()
    peer = Peer("FACIALIS", "127.0.0.1", port)
    senders = [
        threading.Thread(target=send_until, args=(stop, number, tmp_path / "sent", peer, answered))
        for number in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    killed = 0
    while killed < KILLS:
        time.sleep(rng.uniform(0.05, 0.9))
        children = receiver.children()
        if children:
            os.kill(rng.choice(children).pid, signal.SIGKILL)
            killed += 1
    stop.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    assert len(answered) > KILLS

    files = tmp_path / "data" / "files"
    with Session(engine) as session:
        rows = {row.sop_instance_uid: row for row in session.scalars(select(Photo))}
    lost = [uid for uid in answered if uid not in rows or not (files / rows[uid].storage_key).is_file()]
    assert lost == []
    for path in (files / "objects").rglob("*.dcm"):
        header = read_header(path)
        content = path.read_bytes()
        data_set = content[content.index(b"\x08\x00\x05\x00") :]
        digest = hashlib.sha256(f"{header.transfer_syntax_uid}\n".encode() + data_set).hexdigest()
        assert path.stem == digest
    # What the killed processes were writing is swept when the next one starts.
    wait_until(lambda: not list((files / "spool").iterdir()))
