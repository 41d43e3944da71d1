"""Signs of life of workers: each process that does tasks gives its own, with the task that it is at."""

from collections.abc import Sequence
from typing import Any

from celery import signals

from service.heartbeat import Heartbeat
from service.records.models import ProcessKind
from workers.context import context

_PREFIX = "facialis."


class WorkerHeartbeat:
    """Follows a worker by Celery's signals; ``queues`` are those it serves.

    A worker with several processes does no task in the one that leads them: each of the others tells of
    itself.
    """

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues = queues
        self._heart: Heartbeat | None = None

    def follow(self, *, alone: bool) -> None:
        """Begin with the worker; ``alone`` if it does its tasks in the process it is started in."""
        begun = signals.worker_ready if alone else signals.worker_process_init
        ended = signals.worker_shutdown if alone else signals.worker_process_shutdown
        # Celery holds on to what it is to call by weak references.
        for signal, act in (
            (begun, self._begin),
            (ended, self._end),
            (signals.task_prerun, self._begin_task),
            (signals.task_postrun, self._end_task),
        ):
            signal.connect(act, weak=False)

    def _begin(self, **_: Any) -> None:
        self._heart = Heartbeat(context().engine, ProcessKind.WORKER, self._queues)
        self._heart.start()

    def _end(self, **_: Any) -> None:
        if self._heart is not None:
            self._heart.end()

    def _begin_task(self, task: Any = None, args: Sequence[Any] = (), **_: Any) -> None:
        if self._heart is not None:
            row = args[0] if args and isinstance(args[0], int) else None
            self._heart.begin_task(task.name.removeprefix(_PREFIX), row)

    def _end_task(self, **_: Any) -> None:
        if self._heart is not None:
            self._heart.end_task()
