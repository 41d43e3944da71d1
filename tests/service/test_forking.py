"""Several processes for one work: all run, one that dies comes back, and all end when told to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from pathlib import Path
from service.forking import run_processes

def work():
    (Path(sys.argv[1]) / str(os.getpid())).touch()
    time.sleep(60)

run_processes(3, work)
"""


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])
    yield process
    process.kill()
    process.wait()


def test_a_process_that_dies_is_started_again_and_all_end_on_sigterm(
    parent: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    def started() -> set[int]:
        return {int(path.name) for path in tmp_path.iterdir()}

    wait_until(lambda: len(started()) == 3)
    first = min(started())
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(started()) == 4)
    parent.terminate()
    assert parent.wait(20) == 0
    assert not any(map(alive, started()))
