"""Has a process give signs of life, from a thread of its own or whenever its own loop comes by."""

import datetime as dt
import os
import socket
import threading
import time
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from service.database import DatabaseUnavailableError, transaction
from service.records.models import ProcessKind
from service.records.processes import Doing, give_sign, leave

log = structlog.get_logger()

SECONDS = 15.0
"""Between two signs."""


class Heartbeat:
    """The signs of life of this process. A database that is away keeps nobody from their work."""

    def __init__(self, engine: Engine, kind: ProcessKind, queues: Sequence[str] = ()) -> None:
        self._engine, self._kind, self._queues = engine, kind, tuple(queues)
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._doing: Doing | None = None
        self._next = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Give signs from a thread until `end`."""
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)
        self._thread.start()

    def begin_task(self, task: str, row_id: int | None) -> None:
        """Note what the process is at from now on; the next sign tells it."""
        self._doing = Doing(task, row_id, dt.datetime.now(dt.UTC))

    def end_task(self) -> None:
        """Note that the process is at nothing."""
        self._doing = None

    def beat(self) -> None:
        """Give a sign, if it is time for one."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS
        try:
            with transaction(self._engine) as session:
                give_sign(session, self._kind, self._host, self._pid, self._queues, self._doing)
        except DatabaseUnavailableError:
            log.debug("heartbeat.missed")
        # Whatever keeps the sign from being noted must not end the work that it is a sign of.
        except Exception as error:
            log.error("heartbeat.failed", kind=type(error).__name__)

    def end(self) -> None:
        """Give no more signs, and take this process off the record."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(SECONDS)
        try:
            with transaction(self._engine) as session:
                leave(session, self._kind, self._host, self._pid)
        except DatabaseUnavailableError:
            log.debug("heartbeat.not_taken_off")

    def _go_on(self) -> None:
        while not self._ended.wait(0 if self._next == 0 else SECONDS):
            self.beat()
