"""Real peers, each started for the tests and stopped after them; a missing program skips what needs it."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dicom.receiver import Receiver, ReceiverConfig
from dicom.sending import Peer
from dicom.web import WebPeer
from tests.dicom.samples import FolderIntake

PASSWORD = "test"  # noqa: S105 - of a server that lives for the tests


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc: where it listens for DICOM, a client for its REST API, its DICOMweb address.

    It takes us to listen at ``our_port``.
    """

    peer: Peer
    rest: httpx.Client
    web: WebPeer
    our_port: int


@dataclass(frozen=True)
class Listening:
    """Our receiver at work."""

    receiver: Receiver
    intake: FolderIntake


def program(name: str) -> str:
    """The path of an installed program, or a skipped test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def plugin(name: str) -> Path:
    """An installed plugin of Orthanc, or a skipped test."""
    found = next(Path("/usr/share/orthanc/plugins").glob(name), None)
    if found is None:
        pytest.skip(f"Orthanc's plugin {name} is not installed")
    return found


def fhir_command(port: int, journal: Path) -> list[str]:
    """The command of a FHIR server that keeps what it has in the file ``journal``, or a skipped test."""
    modules = Path(__file__).parent.parent.parent / ".facialis" / "fhir_server"
    if not (modules / "node_modules" / "@medplum" / "fhir-router").is_dir():
        pytest.skip("the FHIR server's packages are not installed: tools/test-packages installs them")
    server = Path(__file__).parent / "fhir_server" / "server.mjs"
    return [program("node"), str(server), str(modules), str(port), str(journal)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, "the peer ended before it was ready"
        assert time.monotonic() < end, "the peer was not ready in time"
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    intake = FolderIntake(tmp_path / "store")
    config = ReceiverConfig(
        spool=tmp_path / "spool", host="127.0.0.1", port=0, known_callers=("CAMERA",), min_free_bytes=0
    )
    receiver = Receiver(config, intake)
    receiver.start()
    yield Listening(receiver, intake)
    receiver.stop()


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[tuple[Peer, Path]]:
    """DCMTK's receiver, and the folder that it stores to."""
    folder = tmp_path / "storescp"
    folder.mkdir()
    port = free_port()
    command = [program("storescp"), "-aet", "DCMTK", "+xa", "--output-directory", str(folder), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port), process)
        yield Peer("DCMTK", "127.0.0.1", port), folder
    finally:
        process.terminate()
        process.wait(10)


def write_orthanc_config(
    folder: Path, dicom_port: int, http_port: int, our_port: int, **more: object
) -> Path:
    """The configuration of an Orthanc that knows the application entity FACIALIS and nobody else."""
    config = {
        "Name": "Test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(plugin("libOrthancDicomWeb.so"))],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomAet": "ORTHANC",
        "DicomPort": dicom_port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowEcho": False,
        "DicomModalities": {
            "facialis": {
                "AET": "FACIALIS",
                "Host": "127.0.0.1",
                "Port": our_port,
                "AllowStorageCommitment": True,
            }
        },
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"facialis": PASSWORD},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(config | more))
    return path


@contextmanager
def running_orthanc(folder: Path, **more: object) -> Iterator[Orthanc]:
    """An Orthanc for the time of the ``with`` block; ``more`` goes into its configuration."""
    dicom_port, http_port, our_port = free_port(), free_port(), free_port()
    path = write_orthanc_config(folder, dicom_port, http_port, our_port, **more)
    process = subprocess.Popen(
        [program("Orthanc"), str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: listens(http_port) and listens(dicom_port), process)
        address = f"http://127.0.0.1:{http_port}"
        with httpx.Client(base_url=address, timeout=30, auth=("facialis", PASSWORD)) as rest:
            yield Orthanc(
                Peer("ORTHANC", "127.0.0.1", dicom_port),
                rest,
                WebPeer(f"{address}/dicom-web", "facialis", PASSWORD),
                our_port,
            )
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that the tests share."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as found:
        yield found
