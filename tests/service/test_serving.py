"""The pages' server as a process: TLS with a certificate of the settings, and who a proxy says is asking."""

import datetime as dt
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.access.sessions import form_token
from service.records.models import AuditEvent

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Facialis")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "certificate.pem", folder / "key.pem"


@contextmanager
def serving(database_url: str, folder: Path, web: dict[str, object]) -> Iterator[int]:
    """The pages with these settings; the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = (
        "from pathlib import Path\n"
        "from service.database import connect\n"
        "from service.settings import Settings\n"
        "from service.storage import FolderStorage\n"
        "from service.web.serve import serve\n"
        f"settings = Settings(web={web | {'port': port}!r})\n"
        f"serve(connect({database_url!r}), FolderStorage(Path({str(folder)!r})), settings)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server did not answer"
                time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_with_a_certificate_the_pages_speak_tls_alone(
    engine: Engine, database_url: str, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    tls = {"certificate": str(certificate[0]), "key": str(certificate[1])}
    with serving(database_url, tmp_path, {"tls": tls}) as port:
        trusting = ssl.create_default_context(cafile=str(certificate[0]))
        with httpx.Client(verify=trusting, trust_env=False) as client:
            answer = client.get(f"https://127.0.0.1:{port}/sign-in")
            assert answer.status_code == 200
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-facialis-visit=")
            assert "Secure" in cookie
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(certificate[0])
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            old.wrap_socket(plain, server_hostname="127.0.0.1") as spoken,
        ):
            assert spoken.version() == "TLSv1.2"
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)


@pytest.mark.parametrize(("proxies", "told"), [(["127.0.0.1"], "10.9.8.7"), (["10.0.0.1"], "127.0.0.1")])
def test_only_a_proxy_of_the_settings_is_believed_who_is_asking(
    engine: Engine, database_url: str, tmp_path: Path, proxies: list[str], told: str
) -> None:
    with serving(database_url, tmp_path, {"proxies": proxies}) as port:
        headers = {"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "https"}
        address = f"http://127.0.0.1:{port}/sign-in"
        visit = httpx.get(address, headers=headers, trust_env=False).headers["set-cookie"]
        secret = visit.split("=", 1)[1].split(";")[0]
        form = {"name": "nobody", "password": "x", "form_token": form_token(secret)}
        cookie = {"Cookie": f"__Host-facialis-visit={secret}"}
        answer = httpx.post(address, headers=headers | cookie, data=form, trust_env=False)
        assert answer.status_code == 403
    with Session(engine) as session:
        (event,) = session.query(AuditEvent).filter_by(kind="user.signed_in")
        assert event.address == told
