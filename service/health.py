"""How the installation does, from rows and the broker: what waits in each stage, what was done lately."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from amqp.exceptions import ChannelError
from kombu import Connection
from kombu.exceptions import OperationalError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grading.errors import FacialisError
from service import checks
from service.records import activations
from service.records.flow import MOVES, Stage
from service.records.models import Delivery, DeliveryState, Recording, StageRun
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


def quick_findings(session: Session, settings: Settings) -> tuple[Finding, ...]:
    """Database, broker, disk, bundle, outbox, constancy: what is known without loading the network."""
    return (
        _finding("database", partial(checks.database, session)),
        _finding("broker", partial(checks.broker, settings)),
        _finding("disk", partial(checks.disk, settings)),
        _finding("bundle", partial(checks.bundle_files, settings, activations.active_hash(session))),
        _finding("outbox", partial(checks.outbox, session)),
        _finding("constancy", partial(checks.constancy, session, settings)),
    )


def stages(session: Session, settings: Settings) -> tuple[StageHealth, ...]:
    """Every stage in its order; deliveries count one by one and keep no record of attempts."""
    queued = _queue_lengths(settings)
    return tuple(_stage(session, stage, queued.get(stage)) for stage in Stage)


def ask_peer(settings: Settings, name: str) -> Finding | None:
    """Ask a destination or source of the settings whether it is there; None if there is none of that name."""
    for peer in (*settings.destinations, *settings.sources):
        if peer.name == name:
            return _finding(name, partial(checks.peer, peer, settings))
    return None


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except FacialisError as error:
        return Finding(name, False, str(error))


def _stage(session: Session, stage: Stage, queued: int | None) -> StageHealth:
    now = func.clock_timestamp()
    if stage is Stage.DELIVER:
        model: type[Recording] | type[Delivery] = Delivery
        due, since = Delivery.state == DeliveryState.PENDING, Delivery.created_at
    else:
        model = Recording
        due, since = Recording.state == MOVES[stage].takes, Recording.state_changed_at
    held = func.count().filter(model.lease_until > now)
    waiting, longest, taken = session.execute(select(func.count(), func.min(since), held).where(due)).one()
    ended = StageRun.outcome.is_not(None)
    well = StageRun.outcome == "done"
    done, broken_off, latest = session.execute(
        select(
            func.count().filter(ended, well), func.count().filter(ended, ~well), func.max(StageRun.started_at)
        ).where(StageRun.stage == stage.value, StageRun.started_at > now - LATELY)
    ).one()
    return StageHealth(stage, waiting, longest, taken, queued, done, broken_off, latest)


def _queue_lengths(settings: Settings) -> dict[Stage, int]:
    try:
        with Connection(broker_url(settings), transport_options=ONE_TRY) as connection:
            return {stage: _queue_length(connection, stage) for stage in Stage}
    except (FacialisError, OperationalError, OSError):
        return {}


def _queue_length(connection: Connection, stage: Stage) -> int:
    try:
        return len(connection.SimpleQueue(stage.value, no_ack=True))
    except ChannelError:  # nothing was sent there yet, or all of it is taken
        return 0


def peers(settings: Settings) -> Sequence[str]:
    """Names of destinations and sources."""
    return [peer.name for peer in (*settings.destinations, *settings.sources)]
