"""Puts who was not let in into the audit trail: one entry for each address, reason and minute.

Whoever refuses only counts, which costs nothing however many come; the entries are written from elsewhere.
What a killed process had counted in its last minute is in its log only.
"""

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from service.database import DatabaseUnavailableError, transaction
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind

log = structlog.get_logger()

MOST = 200
"""Addresses and reasons that are told apart at a time; what is more is counted without an address."""
MINUTE = dt.timedelta(minutes=1)
_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class _Key:
    minute: dt.datetime
    reason: str
    address: str | None


@dataclass
class _Count:
    name: str
    times: int = 0


class Refusals:
    """Counts what one process refuses, to be called from any thread.

    ``actor`` names who was refused, of an address and the name that it gave itself; both may be lacking.
    """

    def __init__(
        self, engine: Engine, kind: AuditEventKind, actor: Callable[[str | None, str], Actor]
    ) -> None:
        self._engine, self._kind, self._actor = engine, kind, actor
        self._lock = threading.Lock()
        self._counts: dict[_Key, _Count] = {}

    def note(self, reason: str, address: str | None, name: str = "") -> None:
        """Count a refusal; of the names that one address gives itself in a minute the first is kept."""
        minute = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
        key = _Key(minute, reason, address)
        with self._lock:
            if key not in self._counts and len(self._counts) >= MOST:
                key, name = _Key(minute, reason, None), ""
            self._counts.setdefault(key, _Count(name)).times += 1

    def write(self, *, everything: bool = False) -> None:
        """Put the minutes that are over into the trail, or all of them; they wait if the database is away.

        Never raises: what counts refusals has other work to go on with.
        """
        over = dt.datetime.now(dt.UTC) - MINUTE
        with self._lock:
            ended = [key for key in self._counts if everything or key.minute <= over]
            counts = {key: self._counts.pop(key) for key in ended}
        if not counts:
            return
        try:
            with transaction(self._engine) as session:
                for key, count in counts.items():
                    audit.record(
                        session,
                        self._actor(key.address, count.name),
                        self._kind,
                        outcome=audit.Outcome.REFUSED,
                        reason=key.reason,
                        times=count.times,
                        minute=key.minute.isoformat(timespec="minutes"),
                        called_itself=count.name or None,
                    )
        except DatabaseUnavailableError as error:
            log.warning("refusals.not_recorded", code=error.code, entries=len(counts))
            with self._lock:
                for key, count in counts.items():
                    self._counts.setdefault(key, _Count(count.name)).times += count.times
        except Exception as error:
            log.error("refusals.failed", kind=type(error).__name__, entries=len(counts))

    def start(self) -> None:
        """Have a thread of this process write."""
        threading.Thread(target=self._go_on, name="refusals", daemon=True).start()

    def _go_on(self) -> None:
        pause = threading.Event()
        while not pause.wait(_EVERY_SECONDS):
            self.write()
