"""The servers that are measured side by side, each with TCP_NODELAY and a folder of its own.

Run as a module, it is the receiver of Facialis in a process of its own.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from migrations.upgrade import upgrade
from service.embedded.account import service_account
from service.embedded.postgres import EmbeddedPostgres
from service.logs import configure_logs
from service.receive import receive
from service.receiver_settings import ReceiverSettings
from service.settings import Settings

ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


@dataclass(frozen=True)
class Server:
    """A running server: its processes by the part that they play, and where it listens."""

    name: str
    port: int
    processes: tuple[subprocess.Popen[bytes], ...]

    def tree(self) -> list[psutil.Process]:
        roots = [psutil.Process(process.pid) for process in self.processes]
        return [*roots, *(child for root in roots for child in root.children(recursive=True))]

    def cpu_seconds(self) -> float:
        """Of the server with its children, also those that have ended."""
        total: float = sum(
            times.user + times.system + times.children_user + times.children_system
            for times in (psutil.Process(process.pid).cpu_times() for process in self.processes)
        ) + sum(
            times.user + times.system
            for root in self.processes
            for times in (child.cpu_times() for child in psutil.Process(root.pid).children(recursive=True))
        )
        return total

    def peak_memory_mb(self) -> float:
        """The largest resident set that any process of the server that is there has had."""
        return max(map(_peak_kb, self.tree())) / 1024


def _peak_kb(process: psutil.Process) -> int:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # one that storescp has forked has ended
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def running(name: str, folder: Path, port: int, *commands: Sequence[str]) -> Iterator[Server]:
    """Start a server and wait until it listens; stop it at the end."""
    with (folder / f"{name}.log").open("wb") as log:
        processes = tuple(
            subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log) for command in commands
        )
    try:
        wait_for(port)
        yield Server(name, port, processes)
    finally:
        for process in processes:
            stop(process, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Stop a server; one that is traced by strace ends strace with it."""
    children = psutil.Process(process.pid).children() if "strace" in str(process.args) else []
    for target in children or [psutil.Process(process.pid)]:
        target.send_signal(number)
    process.wait(30)


@contextmanager
def storescp(folder: Path, traced: Sequence[str] = (), processes: int = 1) -> Iterator[Server]:
    port = free_port()
    target = folder / "storescp"
    target.mkdir()
    command = [
        *traced,
        "storescp",
        "--fork",
        "-aet",
        "ANY",
        "+xa",
        "-pdu",
        "131072",
        "-od",
        str(target),
        str(port),
    ]
    with running("storescp", folder, port, command) as server:
        yield server


@contextmanager
def orthanc(folder: Path, traced: Sequence[str] = (), processes: int = 1) -> Iterator[Server]:
    port = free_port()
    config = folder / "orthanc.json"
    config.write_text(
        json.dumps(
            {
                "StorageDirectory": str(folder / "orthanc"),
                "IndexDirectory": str(folder / "orthanc"),
                "Plugins": [],
                "DicomPort": port,
                "HttpServerEnabled": False,
                "DicomAlwaysAllowStore": True,
                "MaximumPduLength": 131072,
            }
        )
    )
    path = shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin") or "Orthanc"
    with running("orthanc", folder, port, [*traced, path, str(config)]) as server:
        yield server


@contextmanager
def facialis(folder: Path, traced: Sequence[str] = (), processes: int = 1) -> Iterator[Server]:
    port = free_port()
    database = EmbeddedPostgres(folder / "postgres", folder / "sockets", service_account())
    database.prepare()
    with (folder / "postgres.log").open("wb") as log:
        postgres = subprocess.Popen([*traced, *database.command()], stdout=log, stderr=log)
    try:
        while not database.ready():
            time.sleep(0.05)
        upgrade(database.url())
        arguments = [database.url(), str(folder / "data"), str(port), str(processes)]
        command = [*traced, sys.executable, "-m", "benchmarks.receiving.servers", *arguments]
        with running("facialis", folder, port, command) as server:
            yield Server(server.name, port, (*server.processes, postgres))
    finally:
        stop(postgres, signal.SIGINT)


SERVERS: dict[str, Callable[..., AbstractContextManager[Server]]] = {
    "storescp": storescp,
    "orthanc": orthanc,
    "facialis": facialis,
}


def serve(url: str, data_dir: str, port: str, processes: str) -> None:
    """The receiver that is measured, in a process of its own."""
    configure_logs("warning", "receive")
    settings = Settings(
        data_dir=Path(data_dir),
        database_url=SecretStr(url),
        receiver=ReceiverSettings(port=int(port), max_object_bytes=1 << 30, processes=int(processes)),
    )
    receive(settings, lambda _: None)


if __name__ == "__main__":
    serve(*sys.argv[1:])
