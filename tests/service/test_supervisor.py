"""Real processes: started in order, restarted when they die, stopped without leaving any behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.supervisor import Child, StartError, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)",
]  # fmt: skip


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def pid(child: Child) -> int:
    return child.process.pid if child.process else 0


def test_a_child_that_is_killed_is_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = Child("sleeper", SLEEPER, tmp_path / "log")
    supervisor.start(child)
    first = pid(child)
    killer = threading.Timer(0.1, os.kill, (first, signal.SIGKILL))
    killer.start()

    def stop_when_restarted() -> None:
        wait_until(lambda: pid(child) not in (0, first))
        supervisor.stopping = True

    ender = threading.Thread(target=stop_when_restarted)
    ender.start()
    supervisor.watch(every=0.05)
    ender.join()
    assert child.running()
    supervisor.stop()
    assert not child.running()


def test_a_child_that_ends_at_start_is_told_with_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = Child(
        "broken", [sys.executable, "-c", "raise SystemExit('no')"], tmp_path / "log", ready=lambda: False
    )
    with pytest.raises(StartError, match="broken ended at start"):
        supervisor.start(child)
    supervisor.stop()
    assert (tmp_path / "log").read_text().strip() == "no"


def test_children_are_stopped_in_reverse_order_and_the_deaf_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.supervisor.STOP_SECONDS", 0.5)
    supervisor = Supervisor()
    log = tmp_path / "deaf.log"
    deaf = Child("deaf", DEAF, log, ready=lambda: log.exists() and "deaf" in log.read_text())
    supervisor.start(deaf)
    supervisor.start(Child("sleeper", SLEEPER, tmp_path / "log"))
    supervisor.stop()
    assert [child.running() for child in supervisor.children] == [False, False]
    assert deaf.process is not None
    assert deaf.process.returncode == -signal.SIGKILL


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """The kernel ends what ``setpriv --pdeathsig`` started."""
    script = f"""
import pathlib, time
from service.supervisor import Child, Supervisor
command = ["setpriv", "--pdeathsig", "TERM", "--", "sleep", "600"]
child = Child("x", command, pathlib.Path({str(tmp_path / "log")!r}))
Supervisor().start(child)
print(child.process.pid, flush=True)
time.sleep(600)
"""
    command = [sys.executable, "-c", script]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout is not None
    lines = (line for line in parent.stdout if line.strip().isdigit())
    grandchild = int(next(lines))
    wait_until(lambda: Path(f"/proc/{grandchild}/comm").read_text().strip() == "sleep")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not Path(f"/proc/{grandchild}").exists() or "Z" in _status(grandchild))


def _status(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"
