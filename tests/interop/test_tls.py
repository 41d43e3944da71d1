"""DCMTK sends over TLS to our receiver, with certificates of a test authority."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from dicom.receiver import Receiver, ReceiverConfig
from dicom.tls import CertificateError, server_context
from tests.dicom.samples import FolderIntake, photo, save
from tests.dicom.test_receiver import wait_until
from tests.interop.conftest import program

pytestmark = pytest.mark.interop

Listen = Callable[..., Receiver]


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, what it signed for a server and a client, and a stranger's own."""

    folder: Path

    def pair(self, name: str) -> tuple[Path, Path]:
        """Certificate and key."""
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("certificates"))

    def openssl(*arguments: str | Path) -> None:
        command = [program("openssl"), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=made.folder, timeout=60)

    def key(name: str) -> Path:
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
        return made.folder / f"{name}.key"

    for name in ("authority", "stranger"):
        openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            key(name),
            "-subj",
            f"/CN={name}",
            "-days",
            "2",
            "-out",
            f"{name}.pem",
        )
    for name in ("server", "client"):
        openssl("req", "-new", "-key", key(name), "-subj", f"/CN={name}", "-out", f"{name}.csr")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
            "-CAcreateserial", "-days", "2", "-out", f"{name}.pem",
        )  # fmt: skip
    return made


@pytest.fixture
def intake(tmp_path: Path) -> FolderIntake:
    return FolderIntake(tmp_path / "store")


@pytest.fixture
def listen(tmp_path: Path, certificates: Certificates, intake: FolderIntake) -> Iterator[Listen]:
    started = []

    def start(*, require_client: bool) -> Receiver:
        tls = server_context(
            *certificates.pair("server"), certificates.authority, require_client=require_client
        )
        config = ReceiverConfig(
            spool=tmp_path / "spool", host="127.0.0.1", port=0, min_free_bytes=0, tls=tls, acse_timeout=2
        )
        receiver = Receiver(config, intake)
        receiver.start()
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.stop()


def send(receiver: Receiver, path: Path, *options: str | Path) -> int:
    command = [
        program("storescu"), *map(str, options), "-xy", "-to", "5", "-ta", "5", "-aec", "FACIALIS",
        "127.0.0.1", str(receiver.port), str(path),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, timeout=60).returncode


def with_certificate(certificates: Certificates, name: str, *options: str) -> list[str | Path]:
    certificate, key = certificates.pair(name)
    return ["+tls", key, certificate, "+cf", certificates.authority, *options]


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_dcmtk_sends_over_tls_with_a_client_certificate(
    listen: Listen, certificates: Certificates, intake: FolderIntake, tmp_path: Path, profile: str
) -> None:
    receiver = listen(require_client=True)
    path = save(photo(), tmp_path / "photo.dcm")
    assert send(receiver, path, *with_certificate(certificates, "client", profile)) == 0
    assert len(intake.stored) == 1


def test_client_certificate_may_be_left_out_where_it_is_optional(
    listen: Listen, certificates: Certificates, intake: FolderIntake, tmp_path: Path
) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    receiver = listen(require_client=False)
    assert send(receiver, path, "+tla", "+cf", certificates.authority) == 0
    assert len(intake.stored) == 1


@pytest.mark.parametrize("caller", ["stranger", "nobody", "plain"])
def test_sender_without_a_valid_certificate_or_tls_is_refused_and_others_are_served(
    listen: Listen, certificates: Certificates, intake: FolderIntake, tmp_path: Path, caller: str
) -> None:
    options = {
        "stranger": with_certificate(certificates, "stranger"),
        "nobody": ["+tla", "+cf", certificates.authority],
        "plain": [],
    }
    receiver = listen(require_client=True)
    path = save(photo(), tmp_path / "photo.dcm")
    with structlog.testing.capture_logs() as logs:
        assert send(receiver, path, *options[caller]) != 0
        # The peer may be told first.
        wait_until(lambda: any(entry["event"] == "receiver.connection_refused" for entry in logs))
    assert intake.stored == {}
    refusals = [entry for entry in logs if entry["event"] == "receiver.connection_refused"]
    assert {entry["reason"] for entry in refusals} == {"tls"}
    assert send(receiver, path, *with_certificate(certificates, "client")) == 0


def test_peer_that_never_shakes_hands_holds_nobody_up(
    listen: Listen, certificates: Certificates, intake: FolderIntake, tmp_path: Path
) -> None:
    receiver = listen(require_client=False)
    with socket.create_connection(("127.0.0.1", receiver.port)) as silent:
        path = save(photo(), tmp_path / "photo.dcm")
        assert send(receiver, path, "+tla", "+cf", certificates.authority) == 0
        silent.settimeout(10)
        assert silent.recv(1) == b""


def test_files_that_do_not_fit_are_named(certificates: Certificates) -> None:
    certificate, _ = certificates.pair("server")
    _, other_key = certificates.pair("client")
    with pytest.raises(CertificateError, match="do not belong together"):
        server_context(certificate, other_key, None, require_client=False)
    with pytest.raises(CertificateError, match="nowhere"):
        server_context(Path("nowhere.pem"), other_key, None, require_client=False)
    with pytest.raises(CertificateError, match="no authorities"):
        server_context(certificate, other_key, None, require_client=True)
