"""What all open pages ask for time and again, found once for all of them."""

import threading
import time
from collections.abc import Callable

FRESH = 2.5
"""Seconds that an answer is good for: a little less than pages wait between two questions."""


class Latest:
    """The newest version of one page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version, self._until = "", 0.0

    def version(self, look: Callable[[], str]) -> str:
        """The version, looked for again where the last look is too long ago."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._keep(look())
            return self._version

    def seen(self, version: str) -> None:
        """Take over what a page that was opened has just found."""
        with self._lock:
            self._keep(version)

    def _keep(self, version: str) -> None:
        self._version, self._until = version, time.monotonic() + FRESH
