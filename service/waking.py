"""Tells workers at once what an action of a person or a program has given them to do.

`workers` are known here by the names of their tasks and queues only. A message is a hint: a broker that is
away costs the seconds until the workers look for work by themselves, and never the action.
"""

import contextlib
import queue
import threading
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from grading.errors import FacialisError
from service.database import TELL
from service.records.due import Due
from service.running import broker_url
from service.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

TASK = "facialis.{queue}"
"""What the task is called that takes a row of a queue, by its id."""
PATIENCE = {"socket_connect_timeout": 2, "socket_timeout": 30, "max_retries": 1}
"""Of the broker's transport, in seconds: who waits for it does so for nothing but time."""
MOST_AT_ONCE = 1000
"""Of one transaction; the workers find what is more."""


def send(app: "Celery", work: Due) -> bool:
    """Put a message into a queue; False if the broker is away."""
    from kombu.exceptions import OperationalError

    with contextlib.suppress(OperationalError, OSError):
        app.send_task(TASK.format(queue=work.queue), args=[work.row_id], queue=work.queue, retry=False)
        return True
    return False


def telling(engine: Engine, settings: Settings, *, wait: bool = False) -> Engine:
    """The engine, whose transactions tell the workers what they made due once they are committed.

    With ``wait`` a transaction ends when they have been told, for processes that end soon after; else it does
    not wait for that.
    """
    waker = Waker(settings)
    return engine.execution_options(**{TELL: waker.tell if wait else waker.tell_later})


class Waker:
    """Sends messages to the broker of the settings; what cannot be sent is dropped, since it is found."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: queue.SimpleQueue[Due] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._app: Celery | None = None

    def tell(self, work: Iterable[Due]) -> None:
        """Tell the workers now."""
        for one in islice(work, MOST_AT_ONCE):
            if not self._send(one):
                return

    def tell_later(self, work: Iterable[Due]) -> None:
        """Have a thread of this process tell the workers, without waiting for it."""
        for one in islice(work, MOST_AT_ONCE):
            self._waiting.put(one)
        with self._lock:
            # Begun when first needed: a process that forks before has no thread to lose.
            if self._thread is None:
                self._thread = threading.Thread(target=self._go_on, name="waker", daemon=True)
                self._thread.start()

    def _go_on(self) -> None:
        while True:
            if not self._send(self._waiting.get()):
                with contextlib.suppress(queue.Empty):
                    while True:
                        self._waiting.get_nowait()

    def _send(self, work: Due) -> bool:
        try:
            url = broker_url(self._settings)
        except FacialisError:  # no service runs here: whoever starts it finds the work
            return False
        if self._app is None or self._app.conf.broker_url != url:
            from celery import Celery

            self._app = Celery("facialis", broker=url, set_as_current=False)
            self._app.conf.broker_transport_options = PATIENCE
        return send(self._app, work)
