"""The demo in a folder of its own, for as long as somebody looks at its pages."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.running import Running, find_running

SEED = 7
"""Of the first phantom; the second, healthy one has the next."""


@contextmanager
def demo() -> Iterator[Running]:
    """The demo, once its recordings are delivered; it stops at the end."""
    with tempfile.TemporaryDirectory(prefix="facialis-demo-", dir="/tmp") as name:
        folder = Path(name) / "demo"
        command = [sys.executable, "-m", "service", "demo", "--data", str(folder), "--seed", str(SEED)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None  # noqa: S101 - it was asked for
                if not any("Sign in there" in line for line in process.stdout):
                    raise SystemExit("the demo ended before its pages could be shown: run `make demo`")
                running = find_running(folder / "data")
                assert running is not None  # noqa: S101 - the demo has just said so
                yield running
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(60)
