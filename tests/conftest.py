"""Real servers for the tests: one PostgreSQL for the session, emptied before each test that asks for it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings
from sqlalchemy import Engine, delete, text

from migrations.rights import grant
from migrations.upgrade import upgrade
from service.database import connect
from service.embedded.account import service_account
from service.embedded.postgres import APPLICATION, EmbeddedPostgres
from service.embedded.redis import EmbeddedRedis
from service.records.models import Base
from service.settings import load_settings

# How long an example takes depends on what else the machine does: no test asserts it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def settings_of_its_own() -> Iterator[None]:
    """No test goes on with the settings that another one has read."""
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="facialis-test-", dir="/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data", folder / "sockets", service_account())
    server.prepare()
    with (folder / "log").open("wb") as log:
        # Nothing here has to outlive a power cut, and emptying the tables waits for the disk otherwise.
        command = [*server.command(), "-c", "fsync=off"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not server.ready():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(postgres_server: EmbeddedPostgres) -> str:
    """The address of a migrated database, as the service's own role has it."""
    upgrade(postgres_server.url())
    grant(postgres_server.url(), APPLICATION)
    return postgres_server.url(role=APPLICATION)


@pytest.fixture(scope="session")
def superuser(postgres_server: EmbeddedPostgres, database_url: str) -> Iterator[Engine]:
    """A connection to the migrated database for what the service itself may not do."""
    engine = connect(postgres_server.url())
    yield engine
    engine.dispose()


@pytest.fixture
def engine(superuser: Engine, database_url: str) -> Iterator[Engine]:
    """A connection of the service's own role to the migrated database, all tables empty."""
    with superuser.begin() as connection:
        # The audit trail refuses to be emptied: only a superuser can pass its trigger, and so.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        # Tables are nearly empty: this takes a fiftieth of the time of TRUNCATE, which makes new files.
        for table in Base.metadata.sorted_tables:
            connection.execute(delete(table))
        connection.execute(
            text(
                "SELECT setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences "
                "WHERE last_value IS NOT NULL"
            )
        )
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def broker() -> Iterator[EmbeddedRedis]:
    """A running Redis with nothing in it."""
    folder = Path(tempfile.mkdtemp(prefix="facialis-test-", dir="/tmp"))
    folder.chmod(0o711)
    server = EmbeddedRedis(folder / "sockets", service_account())
    server.prepare()
    process = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL)
    while not server.ready():
        time.sleep(0.02)
    yield server
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    shutil.rmtree(folder)


@pytest.fixture
def queue(broker: EmbeddedRedis) -> Iterator[redis.Redis]:
    """A client of it, to look into its queues."""
    with redis.Redis(unix_socket_path=str(broker.socket)) as client:
        yield client


@pytest.fixture(scope="session")
def cohort() -> Path:
    """The cohort folder of real faces with simulated palsy."""
    folder = os.environ.get("FACIALIS_COHORT")
    if not folder:
        pytest.skip("FACIALIS_COHORT is not set: no cohort folder to test with")
    return Path(folder)


def openssl(*arguments: str | Path) -> None:
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("openssl is not installed")
    subprocess.run([found, *map(str, arguments)], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def expired(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate whose time is over, which is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("expired"), "-1")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, which is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"), "2")


def self_signed(folder: Path, days: str) -> tuple[Path, Path]:
    certificate, key, request = folder / "server.pem", folder / "server.key", folder / "request"
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
    openssl("req", "-new", *new_key, "-subj", "/CN=localhost", "-out", request)
    openssl(
        "x509", "-req", "-in", request, "-signkey", key, "-days", days, "-extfile", names,
        "-out", certificate,
    )  # fmt: skip
    return certificate, key
