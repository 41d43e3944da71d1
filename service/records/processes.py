"""Signs of life on record: which processes gave one lately, and which queues somebody serves."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.records.models import Process, ProcessKind

SILENT = dt.timedelta(seconds=60)
"""A process that gave no sign for so long is taken as gone: four of its signs are missing."""
FORGOTTEN = dt.timedelta(hours=1)
"""One that was killed is told of for so long."""


@dataclass(frozen=True)
class Doing:
    """What a process is at: a task by its queue, and the row that it is about, since when."""

    task: str
    row_id: int | None
    since: dt.datetime


@dataclass(frozen=True)
class Sign:
    """A process as it last told of itself; ``silent`` if that is too long ago."""

    kind: ProcessKind
    host: str
    pid: int
    queues: tuple[str, ...]
    started_at: dt.datetime
    seen_at: dt.datetime
    silent: bool
    doing: Doing | None


def give_sign(
    session: Session,
    kind: ProcessKind,
    host: str,
    pid: int,
    queues: Sequence[str] = (),
    doing: Doing | None = None,
) -> None:
    """Note that a process lives, and what it is at."""
    now = func.clock_timestamp()
    values = {
        "queues": list(queues),
        "seen_at": now,
        "task": doing.task[:64] if doing else None,
        "row_id": doing.row_id if doing else None,
        "busy_since": doing.since if doing else None,
    }
    sign = insert(Process).values(kind=kind.value, host=host[:64], pid=pid, **values)
    session.execute(sign.on_conflict_do_update(index_elements=["kind", "host", "pid"], set_=values))


def leave(session: Session, kind: ProcessKind, host: str, pid: int) -> None:
    """Forget a process that ends in order."""
    session.execute(
        delete(Process).where(Process.kind == kind.value, Process.host == host[:64], Process.pid == pid)
    )


def forget_gone(session: Session) -> None:
    """Forget processes that have long been silent."""
    session.execute(delete(Process).where(Process.seen_at < func.clock_timestamp() - FORGOTTEN))


def signs(session: Session) -> tuple[Sign, ...]:
    """The last sign of each process that is on record, by what it does and where."""
    silent = Process.seen_at < func.clock_timestamp() - SILENT
    rows = session.execute(select(Process, silent).order_by(Process.queues, Process.host, Process.pid))
    return tuple(_sign(row, gone) for row, gone in rows)


def unserved(found: Sequence[Sign], queues: Sequence[str]) -> tuple[str, ...]:
    """The queues that no living worker serves."""
    serving = [sign for sign in found if sign.kind is ProcessKind.WORKER and not sign.silent]
    served = {queue for sign in serving for queue in sign.queues}
    return tuple(queue for queue in queues if queue not in served)


def _sign(row: Process, silent: bool) -> Sign:
    doing = Doing(row.task, row.row_id, row.busy_since) if row.task and row.busy_since else None
    kind, queues = ProcessKind(row.kind), tuple(row.queues)
    return Sign(kind, row.host, row.pid, queues, row.started_at, row.seen_at, silent, doing)
