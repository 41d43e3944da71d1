"""How the installation does: from rows, the broker and the disks; nothing of it names a patient."""

import datetime as dt
import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from amqp.exceptions import ChannelError
from kombu import Connection
from kombu.exceptions import OperationalError
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from grading.errors import FacialisError
from service import checks
from service.constancy import Standing, standing
from service.peers import asker
from service.queues import QUEUES
from service.records import activations
from service.records.constancy import open_checks
from service.records.flow import MOVES, Stage
from service.records.models import (
    Delivery,
    DeliveryState,
    Message,
    MessageState,
    Quarantined,
    Recording,
    RecordingState,
    StageRun,
)
from service.records.processes import Sign, signs
from service.records.worklist import recordings_by_state
from service.running import broker_url
from service.settings import Settings

LATELY = dt.timedelta(hours=24)
ONE_TRY = {"max_retries": 0, "interval_start": 0, "socket_connect_timeout": 2}


@dataclass(frozen=True)
class Finding:
    """What a check found, in words; not ``ok`` with what to do."""

    name: str
    ok: bool
    words: str


@dataclass(frozen=True)
class StageHealth:
    """One stage of the work.

    ``waiting`` rows are due or will be, the longest since ``since``; ``held`` of them a worker has taken up.
    ``queued`` are messages in the broker, None if it does not answer. ``done`` and ``broken_off`` count the
    attempts of the last 24 hours, ``latest`` is when one began.
    """

    stage: Stage
    waiting: int
    since: dt.datetime | None
    held: int
    queued: int | None
    done: int
    broken_off: int
    latest: dt.datetime | None


@dataclass(frozen=True)
class Volume:
    """A folder's disk, in bytes; below ``limit`` the receiver refuses photos. None where it is not there."""

    name: str
    free: int | None
    total: int | None
    limit: int

    @property
    def ok(self) -> bool:
        """Whether there is room enough."""
        return self.free is not None and self.free >= self.limit


@dataclass(frozen=True)
class Health:
    """How the installation does at one moment.

    ``queued`` are the messages in each queue, None if the broker does not answer. ``oldest`` is the number of
    the recording that is on its way for longest, and since when. ``failed_deliveries`` and
    ``refused_messages`` count the dead letters, of ours and of those sent to us; ``quarantined`` the objects
    that could not be read. ``database_bytes`` is the size of the database; ``open_checks`` are the numbers of
    the constancy checks that wait for a worker or are being made.
    """

    findings: tuple[Finding, ...]
    stages: tuple[StageHealth, ...]
    states: Mapping[RecordingState, int]
    queued: Mapping[str, int | None]
    signs: tuple[Sign, ...]
    volumes: tuple[Volume, ...]
    database_bytes: int
    oldest: tuple[int, dt.datetime] | None
    failed_deliveries: int
    refused_messages: int
    quarantined: int
    constancy: Standing
    open_checks: tuple[int, ...]

    @property
    def version(self) -> str:
        """A word that changes whenever the page of it does."""
        run = self.constancy.run
        told = replace(
            self,
            # A disk's last bytes change all the time.
            volumes=tuple(replace(one, free=one.free and one.free >> 27) for one in self.volumes),
            database_bytes=self.database_bytes >> 20,
            constancy=replace(self.constancy, run=None),
        )
        seen = (told, run and (run.id, run.accepted_at))
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def look(session: Session, settings: Settings) -> Health:
    """How the installation does now."""
    queued = _queue_lengths(settings)
    return Health(
        findings=quick_findings(session, settings),
        stages=tuple(_stages(session, queued)),
        states=recordings_by_state(session),
        queued={queue: queued.get(queue) for queue in QUEUES},
        signs=signs(session),
        volumes=volumes(settings),
        database_bytes=session.scalars(select(func.pg_database_size(func.current_database()))).one(),
        oldest=_oldest(session),
        failed_deliveries=_count(session, Delivery.state == DeliveryState.FAILED),
        refused_messages=_count(session, Message.state == MessageState.REFUSED),
        quarantined=_count(session, Quarantined.id.is_not(None)),
        constancy=standing(session, settings),
        open_checks=tuple(check.id for check in open_checks(session)),
    )


def volumes(settings: Settings) -> tuple[Volume, ...]:
    """The disks of the storage and of the spool, which may be one."""
    files, limit = settings.data_dir / "files", settings.receiver.min_free_bytes
    return (_volume("storage", files, limit), _volume("spool", files / "spool", limit))


def quick_findings(session: Session, settings: Settings) -> tuple[Finding, ...]:
    """Database, broker, workers, disk, bundle, outbox, constancy: what is known without the network."""
    return (
        _finding("database", partial(checks.database, session)),
        _finding("broker", partial(checks.broker, settings)),
        _finding("workers", partial(checks.workers, session)),
        _finding("disk", partial(checks.disk, settings)),
        _finding("bundle", partial(checks.bundle_files, settings, activations.active_hash(session))),
        _finding("outbox", partial(checks.outbox, session)),
        _finding("constancy", partial(checks.constancy, session, settings)),
    )


def ask_peer(settings: Settings, name: str) -> Finding | None:
    """Ask a peer of the settings whether it is there; None if there is none of that name."""
    known: dict[str, Callable[[], str]] = {
        str(asker(one)): partial(checks.commitment_peer, one, settings)
        for one in settings.receiver.commitment_peers
    }
    for peer in (*settings.destinations, *settings.sources):
        known[peer.name] = partial(checks.peer, peer, settings)
    return _finding(name, known[name]) if name in known else None


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except FacialisError as error:
        return Finding(name, False, str(error))


def _stages(session: Session, queued: Mapping[str, int]) -> Iterator[StageHealth]:
    well, ended = StageRun.outcome == "done", StageRun.outcome.is_not(None)
    # The time of the transaction: PostgreSQL looks for no other in an index.
    lately = StageRun.started_at > func.now() - LATELY
    done, broken_off = func.count().filter(ended, well), func.count().filter(ended, ~well)
    runs = select(StageRun.stage, done, broken_off, func.max(StageRun.started_at)).where(lately)
    attempts = {stage: found for stage, *found in session.execute(runs.group_by(StageRun.stage))}
    for stage in Stage:
        waiting, longest, taken = _due(session, stage)
        ran = attempts.get(stage.value, (0, 0, None))
        yield StageHealth(stage, waiting, longest, taken, queued.get(stage.value), *ran)


def _due(session: Session, stage: Stage) -> tuple[int, dt.datetime | None, int]:
    """How many rows are due or will be, the longest since when, and how many of them a worker has."""
    if stage is Stage.DELIVER:
        model: type[Recording] | type[Delivery] = Delivery
        due, since = Delivery.state == DeliveryState.PENDING, Delivery.created_at
    else:
        model = Recording
        due, since = Recording.state == MOVES[stage].takes, Recording.state_changed_at
    held = func.count().filter(model.lease_until > func.clock_timestamp())
    waiting, longest, taken = session.execute(select(func.count(), func.min(since), held).where(due)).one()
    return waiting, longest, taken


def _oldest(session: Session) -> tuple[int, dt.datetime] | None:
    on_its_way = Recording.state.in_([move.takes for move in MOVES.values()])
    query = select(Recording.id, Recording.first_received_at).where(on_its_way)
    row = session.execute(query.order_by(Recording.first_received_at).limit(1)).one_or_none()
    return (row[0], row[1]) if row else None


def _count(session: Session, which: ColumnElement[bool]) -> int:
    return session.scalars(select(func.count()).where(which)).one()


def _volume(name: str, folder: Path, limit: int) -> Volume:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return Volume(name, None, None, limit)
    return Volume(name, usage.free, usage.total, limit)


def _queue_lengths(settings: Settings) -> dict[str, int]:
    try:
        with Connection(broker_url(settings), transport_options=ONE_TRY) as connection:
            return {queue: _queue_length(connection, queue) for queue in QUEUES}
    except (FacialisError, OperationalError, OSError):
        return {}


def _queue_length(connection: Connection, queue: str) -> int:
    try:
        return len(connection.SimpleQueue(queue, no_ack=True))
    except ChannelError:  # nothing was sent there yet, or all of it is taken
        return 0


def peers(settings: Settings) -> Sequence[str]:
    """Names of destinations and sources, and senders that ask for storage commitment as AE@host:port."""
    return [*(peer.name for peer in (*settings.destinations, *settings.sources)), *askers(settings)]


def askers(settings: Settings) -> Sequence[str]:
    """Senders that ask for storage commitment, as AE@host:port."""
    return [str(asker(one)) for one in settings.receiver.commitment_peers]
