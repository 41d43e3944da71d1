"""Runs the processes of one machine: starts them, restarts what dies, stops them in order.

Should the supervisor itself be killed, the kernel ends its children (``setpriv --pdeathsig``).
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog

from grading.errors import PermanentError

log = structlog.get_logger()

LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A process that ran this long is not counted as failing at start."""
STOP_SECONDS = 20.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StartError(PermanentError):
    """A process did not become ready."""

    code = "start.failed"


@dataclass
class Child:
    """One supervised process.

    ``ready`` says whether it answers; ``stop_signal`` is how it is asked to end; what ``serves_others`` is
    stopped after them. Its output goes to ``log_file``. ``env`` is its whole environment, None for ours.
    """

    name: str
    argv: Sequence[str]
    log_file: Path
    env: Mapping[str, str] | None = None
    ready: Callable[[], bool] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    serves_others: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_after: float = 0.0

    def start(self) -> None:
        """Start the process; its output is appended to the log file."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the supervisor alone, which then stops the children in order.
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        log.info("process.started", name=self.name, pid=self.process.pid)

    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the process its stop signal."""
        if self.process is not None:
            self.process.send_signal(self.stop_signal)

    def wait_or_kill(self) -> None:
        """Wait for the process to end, and kill it if it does not in time."""
        if self.process is None:
            return
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("process.killed", name=self.name)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Holds the children of one run."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stopping = False

    def start(self, *children: Child, timeout: float = 60.0) -> None:
        """Start children together and wait until each is ready.

        Raises:
            StartError: one ended, or did not answer in ``timeout`` seconds.
        """
        for child in children:
            self.children.append(child)
            child.start()
        deadline = time.monotonic() + timeout
        for child in children:
            while child.ready is not None and not child.ready():
                if not child.running():
                    raise StartError(f"{child.name} ended at start; its output is in {child.log_file}")
                if time.monotonic() > deadline:
                    raise StartError(f"{child.name} did not answer in {timeout:g} s; see {child.log_file}")
                if self.stopping:
                    return
                time.sleep(0.05)

    def watch(self, every: float = 0.5) -> None:
        """Restart what dies until asked to stop; a process that keeps failing waits longer each time."""
        while not self.stopping:
            for child in self.children:
                self._tend(child)
            time.sleep(every)

    def _tend(self, child: Child) -> None:
        if child.running():
            return
        now = time.monotonic()
        if child.process is not None:
            steady = now - child.started_at > STEADY_SECONDS
            child.failures = 1 if steady else child.failures + 1
            pause = min(2.0 ** (child.failures - 1) - 1, LONGEST_PAUSE)
            child.start_after = now + pause
            log.warning("process.died", name=child.name, status=child.process.returncode, restart_in=pause)
            child.process = None
        if now >= child.start_after:
            child.start()

    def stop(self) -> None:
        """Ask the children to end, the last started first; kill what does not end in time.

        A second Ctrl-C meanwhile is ignored: it must not leave children behind.
        """
        self.stopping = True
        before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
        for group in (False, True):
            # What serves the others, such as a database, ends after them.
            asked = [c for c in reversed(self.children) if c.serves_others is group and c.running()]
            for child in asked:
                child.ask_to_stop()
            for child in asked:
                child.wait_or_kill()
        log.info("all.stopped")
        for number, handler in before.items():
            signal.signal(number, handler)

    @contextmanager
    def stop_on_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask the supervisor to stop; at the end of the block everything is stopped."""

        def ask(_signal: int, _frame: FrameType | None) -> None:
            self.stopping = True

        before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
