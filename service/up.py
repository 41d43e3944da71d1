"""The whole service on one machine: embedded servers where none are configured, then its own processes."""

import fcntl
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from grading.errors import PermanentError
from migrations.rights import grant
from migrations.upgrade import upgrade
from service.database import DatabaseUnavailableError, connect, transaction
from service.embedded.account import service_account
from service.embedded.postgres import APPLICATION, EmbeddedPostgres
from service.embedded.redis import EmbeddedRedis
from service.records.audit import record, system
from service.records.audit_events import AuditEventKind
from service.running import FILE, Running
from service.settings import Settings
from service.supervisor import Child, StartError, Supervisor

log = structlog.get_logger()


class AlreadyRunningError(PermanentError):
    """Another service works on the same data folder."""

    code = "service.already_running"


class PortTakenError(PermanentError):
    """A port that the service should listen on is in use."""

    code = "port.taken"


def run_service(settings: Settings, on_ready: Callable[[Running], None]) -> None:
    """Start everything, call ``on_ready`` once it answers, and run until SIGINT or SIGTERM.

    Raises:
        AlreadyRunningError, PortTakenError, StartError, EmbeddedServerError: it cannot be started; whatever
            had been started is stopped again.
    """
    data_dir = settings.data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor()
    with _only_one(data_dir), _socket_folder() as sockets, supervisor.stop_on_signals():
        _check_port("receiver", settings.receiver.host, settings.receiver.port)
        _check_port("web", settings.web.host, settings.web.port)
        if settings.listener.port is not None:
            _check_port("listener", settings.listener.host, settings.listener.port)
        postgres = _database(settings, data_dir, sockets, supervisor)
        broker = _broker(settings, data_dir, sockets, supervisor)
        if supervisor.stopping:
            return
        database = _upgraded(settings, postgres)
        running = Running(os.getpid(), database, broker, settings.receiver.port, settings.web.port)
        running.write(data_dir)
        try:
            environment = {
                **os.environ,
                "FACIALIS_DATA_DIR": str(data_dir),
                "FACIALIS_DATABASE_URL": database,
                "FACIALIS_BROKER_URL": broker,
            }
            supervisor.start(*_processes(settings, data_dir / "logs", environment))
            _audit(database, AuditEventKind.SERVICE_STARTED)
            if not supervisor.stopping:
                on_ready(running)
            supervisor.watch()
            _audit(database, AuditEventKind.SERVICE_STOPPED)
        finally:
            (data_dir / FILE).unlink(missing_ok=True)


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback address that nothing listens on just now."""
    with ExitStack() as probes:
        ports = []
        for _ in range(count):
            probe = probes.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports


def _database(
    settings: Settings, data_dir: Path, sockets: Path, supervisor: Supervisor
) -> EmbeddedPostgres | None:
    """The started PostgreSQL, None where the settings name a database, which then answers."""
    if settings.database_url is not None:
        _check_database(settings.database_url.get_secret_value())
        return None
    postgres = EmbeddedPostgres(data_dir / "postgres", sockets / "postgres", service_account())
    postgres.prepare()
    supervisor.start(
        Child(
            "postgres",
            postgres.command(),
            data_dir / "logs" / "postgres.log",
            ready=postgres.ready,
            stop_signal=signal.SIGINT,
            serves_others=True,
        )
    )
    return postgres


def _upgraded(settings: Settings, postgres: EmbeddedPostgres | None) -> str:
    """The address under which the processes use the database, brought to the newest revision."""
    if postgres is None:
        assert settings.database_url is not None  # noqa: S101 - `_database` started one otherwise
        database = settings.database_url.get_secret_value()
        upgrade(database)
        return database
    upgrade(postgres.url())
    grant(postgres.url(), APPLICATION)
    return postgres.url(role=APPLICATION)


def _audit(database: str, kind: AuditEventKind) -> None:
    """Start and end belong into the trail; a database that is away keeps the service from neither."""
    engine = connect(database)
    try:
        with transaction(engine) as session:
            record(session, system("facialis up"), kind)
    except DatabaseUnavailableError as error:
        log.warning("audit.not_recorded", kind=kind.value, code=error.code)
    finally:
        engine.dispose()


def _broker(settings: Settings, data_dir: Path, sockets: Path, supervisor: Supervisor) -> str:
    """The address of the broker; where none is configured it is started."""
    if settings.broker_url is not None:
        return settings.broker_url.get_secret_value()
    server = EmbeddedRedis(sockets / "redis", service_account())
    server.prepare()
    supervisor.start(
        Child(
            "redis",
            server.command(),
            data_dir / "logs" / "redis.log",
            ready=server.ready,
            serves_others=True,
        )
    )
    return server.url()


def _processes(settings: Settings, logs: Path, environment: dict[str, str]) -> list[Child]:
    """The project's own processes."""
    prepare = str(settings.workers.prepare_processes)
    commands: dict[str, list[str]] = {
        "receiver": ["receive"],
        # The archive is graded by another bundle while nothing else is to be graded; constancy is checked of
        # the very network that grades patients.
        "worker-grade": ["worker", "--queue", "grade", "--queue", "regrade", "--queue", "constancy"],
        "worker-prepare": ["worker", "--queue", "prepare", "--processes", prepare],
        "worker-report": ["worker", "--queue", "report", "--queue", "reconcile"],
        # A destination that does not answer holds up its own worker only.
        "worker-deliver": ["worker", "--queue", "deliver"],
        "schedule": ["schedule"],
        "web": ["web"],
    }
    ready = {
        "receiver": lambda: _answers(settings.receiver.host, settings.receiver.port),
        "web": lambda: _answers(settings.web.host, settings.web.port),
    }
    listener = settings.listener
    if (port := listener.port) is not None:
        commands["listener"] = ["listen"]
        ready["listener"] = lambda: _answers(listener.host, port)
    return [
        Child(
            name,
            ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "service", *command],
            logs / f"{name}.log",
            environment,
            ready.get(name),
        )
        for name, command in commands.items()
    ]


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    with (data_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(
                f"a service already runs over the data folder {data_dir}; stop it first, or set "
                "FACIALIS_DATA_DIR to another folder"
            ) from None
        yield


@contextmanager
def _socket_folder() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket may have about a hundred characters."""
    folder = Path(tempfile.mkdtemp(prefix="facialis-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_port(name: str, host: str, port: int) -> None:
    if _answers(host, port):
        raise PortTakenError(
            f"port {port} is in use; set FACIALIS_{name.upper()}__PORT to another one or stop what uses it"
        )


def _answers(host: str, port: int) -> bool:
    address = "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104 - where to ask, not to listen
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _check_database(url: str) -> None:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError:
        raise StartError("the database of FACIALIS_DATABASE_URL cannot be reached") from None
    finally:
        engine.dispose()
