"""One server, and what it takes to send it photos: time, processor time, memory, and flushes to the disk."""

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.receiving.servers import ENVIRONMENT, SERVERS, Server


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
    before, sent_before = server.cpu_seconds(), _senders_cpu()
    seconds = send(server, paths, senders)
    cpu = server.cpu_seconds() - before
    return {
        "objects_per_second": round(len(paths) / seconds, 1),
        "mb_per_second": round(megabytes / seconds, 1),
        "cpu_ms_per_object": round(1000 * cpu / len(paths), 1),
        "senders_cpu_ms_per_object": round(1000 * (_senders_cpu() - sent_before) / len(paths), 1),
        "peak_memory_mb": round(server.peak_memory_mb(), 1),
    }


def _senders_cpu() -> float:
    """Processor seconds of the children that have ended, which between two calls are the senders."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
