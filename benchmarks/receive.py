"""How fast photos are received, side by side with DCMTK's storescp and Orthanc, on loopback in one run.

Every server runs with TCP_NODELAY: without it DCMTK and Orthanc pause some 45 ms for each object, which hides
everything else. The sender is DCMTK's storescu, alone and eight at once. Facialis is the receiver with its
intake over a PostgreSQL of its own, without workers. Each server takes a few photos before it is measured
(``--before``), since one in a hospital has been running for weeks. What each has flushed when it answers is
counted with strace (``--flushes``), in a short run of its own since strace slows everything down.

The last line is one JSON object. ``of_orthanc`` and ``of_storescp`` are ratios of objects per second.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
from pydantic import SecretStr
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks.report import photo as noisy_photo
from dicom.building import to_bytes
from dicom.photographic import PatientIdentity, photographic_object
from dicom.uids import derived_uid
from grading.protocols import JENA9
from migrations.upgrade import upgrade
from service.embedded.account import service_account
from service.embedded.postgres import EmbeddedPostgres
from service.receive import receive
from service.settings import ReceiverSettings, Settings

SENDERS = (1, 8)
TAKEN_AT = datetime(2026, 3, 1, 10)
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


def make_photos(folder: Path, count: int, megabytes: float) -> list[Path]:
    """``count`` photo objects of different UIDs, nine to a series."""
    rng = np.random.default_rng(0)
    jpeg = noisy_photo(rng)
    # After the end of the image a decoder reads no further: the photo's size without minutes of encoding.
    jpeg += bytes(max(0, int(megabytes * 1e6) - len(jpeg)))
    paths = []
    for number in range(count):
        series, pose = divmod(number, len(JENA9.poses))
        dataset = photographic_object(
            jpeg,
            patient=PatientIdentity(f"BENCH-{series}", "", f"Benchmark^{series}", None, "O"),
            study_uid=derived_uid(str(folder), "study", str(series)),
            series_uid=derived_uid(str(folder), "series", str(series)),
            sop_instance_uid=derived_uid(str(folder), "photo", str(number)),
            pose=JENA9.poses[pose],
            taken_at=TAKEN_AT + timedelta(seconds=number),
            device="benchmark",
        )
        paths.append(folder / f"{number}.dcm")
        paths[-1].write_bytes(to_bytes(dataset))
    return paths


def make_large(folder: Path, megabytes: int) -> Path:
    """One uncompressed photo object of so many megabytes."""
    (template,) = make_photos(folder, 1, 0)
    dataset = dcmread(template)
    rows = megabytes * 1_000_000 // (3 * 10_000)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PhotometricInterpretation = "RGB"
    dataset.Rows, dataset.Columns = rows, 10_000
    dataset.add_new("PixelData", "OB", bytes(rows * 30_000))
    template.write_bytes(to_bytes(dataset))
    return template


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
        arguments = ["--serve", database.url(), str(folder / "data"), str(port), str(processes)]
        command = [*traced, sys.executable, "-m", "benchmarks.receive", *arguments]
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
    from service.logs import configure_logs

    configure_logs("warning", "receive")
    settings = Settings(
        data_dir=Path(data_dir),
        database_url=SecretStr(url),
        receiver=ReceiverSettings(port=int(port), max_object_bytes=1 << 30, processes=int(processes)),
    )
    receive(settings, lambda _: None)


def send(server: Server, paths: Sequence[Path], senders: int, proposal: str = "-xy") -> float:
    """Send the objects from so many senders at once; seconds until the last has its answer."""
    title = "FACIALIS" if server.name == "facialis" else "ANY"
    command = ["storescu", proposal, "--max-send-pdu", "131072", "-aec", title, "127.0.0.1", str(server.port)]
    start = time.perf_counter()
    sending = [
        subprocess.Popen(
            [*command, *map(str, paths[sender::senders])], env=ENVIRONMENT, stderr=subprocess.PIPE
        )
        for sender in range(senders)
    ]
    for process in sending:
        _, errors = process.communicate()
        assert process.returncode == 0, f"{server.name}: {errors.decode(errors='replace')[-500:]}"
    return time.perf_counter() - start


def measure(server: Server, paths: Sequence[Path], senders: int) -> dict[str, float]:
    """One run of one server."""
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    before = server.cpu_seconds()
    seconds = send(server, paths, senders)
    cpu = server.cpu_seconds() - before
    return {
        "objects_per_second": round(len(paths) / seconds, 1),
        "mb_per_second": round(megabytes / seconds, 1),
        "cpu_ms_per_object": round(1000 * cpu / len(paths), 1),
        "peak_memory_mb": round(server.peak_memory_mb(), 1),
    }


def flushes(name: str, scratch: Path, paths: Sequence[Path]) -> dict[str, float]:
    """Calls that flush to the disk, per object, while objects are received."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    folder.chmod(0o711)
    # Postgres changes its user, so all may write; each process has a file of its own.
    (folder / "traces").mkdir(mode=0o777)
    (folder / "traces").chmod(0o777)
    trace = folder / "traces" / "trace"
    traced = ["strace", "-ff", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", str(trace)]
    with SERVERS[name](folder, traced) as server:
        before = _calls(trace.parent)
        send(server, paths, 1)
        calls = _calls(trace.parent) - before
    shutil.rmtree(folder, ignore_errors=True)
    return {"flushes_per_object": round(calls / len(paths), 1)}


def _calls(folder: Path) -> int:
    return sum(file.read_text(errors="replace").count("sync") for file in folder.iterdir())


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=1, help="all in turn so often; the median counts")
    parser.add_argument("--before", type=int, default=40, help="photos sent first, uncounted")
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--large", type=int, default=0, help="also one object of so many megabytes")
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2], help="of our receiver")
    parser.add_argument("--servers", nargs="*", default=list(SERVERS), choices=list(SERVERS))
    parser.add_argument("--flushes", action="store_true")
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="receive-"))
    scratch.chmod(0o711)
    runs: dict[str, list[dict[str, float]]] = {}
    try:
        for senders in SENDERS * options.repeats:
            for name in options.servers:
                for processes in options.processes if name == "facialis" else [1]:
                    label = f"{name}{f' x{processes}' if processes > 1 else ''}, {senders} senders"
                    folder = Path(tempfile.mkdtemp(dir=scratch))
                    folder.chmod(0o711)
                    (folder / "photos").mkdir()
                    count = options.before + options.photos
                    paths = make_photos(folder / "photos", count, options.megabytes)
                    with SERVERS[name](folder, processes=processes) as server:
                        send(server, paths[: options.before], senders)
                        found = measure(server, paths[options.before :], senders)
                        if options.large and senders == 1 and processes == 1:
                            large = make_large(folder / "photos", options.large)
                            send(server, [large], 1, "-xe")
                            found["peak_memory_after_large_mb"] = round(server.peak_memory_mb(), 1)
                    shutil.rmtree(folder, ignore_errors=True)
                    runs.setdefault(label, []).append(found)
                    print(label, found, flush=True)
        figures = {
            label: {name: round(statistics.median(one[name] for one in found), 1) for name in found[0]}
            for label, found in runs.items()
        }
        if options.flushes:
            (scratch / "few").mkdir()
            few = make_photos(scratch / "few", 27, options.megabytes)
            for name in options.servers:
                figures[f"{name}, 1 senders"] |= flushes(name, scratch, few)
                print(name, figures[f"{name}, 1 senders"], flush=True)
        ratios = {}
        for senders in SENDERS:
            best = max(
                (
                    value["objects_per_second"]
                    for label, value in figures.items()
                    if label.startswith("facialis") and label.endswith(f", {senders} senders")
                ),
                default=0.0,
            )
            for other in ("orthanc", "storescp"):
                if peer := figures.get(f"{other}, {senders} senders"):
                    ratios[f"of_{other}, {senders} senders"] = round(best / peer["objects_per_second"], 2)
        print(
            json.dumps(
                {"photos": options.photos, "megabytes": options.megabytes, **ratios, "servers": figures}
            )
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
