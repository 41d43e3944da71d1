"""The Celery tasks: each holds one row by a lease and leaves it moved on, waiting or explained."""

import os
import socket
from collections.abc import Callable
from typing import Any

import structlog
from celery import shared_task, signals
from sqlalchemy import select

from grading.errors import FacialisError, PermanentError, TransientError
from service.database import transaction
from service.records import flow, leases, outbox
from service.records.flow import Stage
from service.records.leases import Lease, LeaseLostError
from service.records.models import Delivery, DeliveryState, Grading, Recording, Report
from service.series import close_if_full, pose_rules
from workers import stages
from workers.app import wake, wake_regrading
from workers.constancy import check
from workers.context import Context, context
from workers.deliver import (
    COMMITMENT_SECONDS,
    FaultFoundError,
    NotBegunError,
    RefusedError,
    UncommittedError,
    deliver,
    give_up,
    note_answer,
    take_batch,
)
from workers.reconcile import reconcile as run_reconcile
from workers.regrade import regrade
from workers.report import report

log = structlog.get_logger()

WORKER = f"{socket.gethostname()[:50]}:{os.getpid()}"


@shared_task(name="facialis.prepare")
def prepare_recording(recording_id: int) -> None:
    """Find the faces of a recording that is complete, or becomes so now that it is looked at."""
    held = context()
    with transaction(held.engine) as session:
        close_if_full(session, recording_id, pose_rules(held.settings))
    if _run(Stage.PREPARE, recording_id, stages.prepare):
        wake(Stage.GRADE, recording_id)


@shared_task(name="facialis.grade")
def grade_recording(recording_id: int) -> None:
    """Score a prepared recording."""
    if _run(Stage.GRADE, recording_id, stages.grade):
        wake(Stage.REPORT, recording_id)


@shared_task(name="facialis.report")
def report_recording(recording_id: int) -> None:
    """Write the report of a graded recording."""
    if _run(Stage.REPORT, recording_id, report):
        with transaction(context().engine) as session:
            query = (
                select(Delivery.id)
                .join(Report)
                .join(Grading)
                .where(Grading.recording_key == recording_id, Delivery.state == DeliveryState.PENDING)
            )
            waiting = list(session.scalars(query))
        for delivery_id in waiting:
            wake(Stage.DELIVER, delivery_id)


@shared_task(name="facialis.deliver")
def deliver_report(delivery_id: int) -> None:
    """Send one document to one destination, and whatever else is due there."""
    held = context()
    most = held.settings.workers.max_attempts
    batch = []
    for lease in take_batch(held, delivery_id):
        if lease.crashes < most:
            batch.append(lease)
        else:
            _conclude(held, lease, RefusedError(f"{lease.crashes} attempts to send it broke off."))
    if not batch:
        return
    try:
        outcomes = deliver(held, batch)
    except FacialisError as error:
        outcomes = {lease.row_id: error for lease in batch}
    except OSError as error:
        for lease in batch:
            _wait(held, lease, _code(error), "disk or network error")
        return
    except Exception as error:
        log.error("delivery.broke_off", kind=type(error).__name__, place=_place(error))
        for lease in batch:
            _wait(held, lease, type(error).__name__, "internal error", crashed=True)
        return
    for lease in batch:
        _conclude(held, lease, outcomes[lease.row_id])
    with transaction(held.engine) as session:
        followers = outbox.followers(session, [lease.row_id for lease in batch])
    for follower in followers:
        wake(Stage.DELIVER, follower)


@shared_task(name="facialis.regrade")
def regrade_archive(run_id: int) -> None:
    """Grade recordings of a regrading, as long as no live one waits."""
    if regrade(context(), run_id):
        wake_regrading(run_id)


@shared_task(name="facialis.constancy")
def check_constancy(run_id: int) -> None:
    """See whether a phantom's scores are still what they were."""
    check(context(), run_id)


@shared_task(name="facialis.reconcile")
def reconcile() -> None:
    """Find what should be moving and is not."""
    run_reconcile(context())


def _run(stage: Stage, recording_id: int, work: Callable[[Context, Lease], None]) -> bool:
    """Do one stage of one recording; True if it moved on."""
    held = context()
    settings = held.settings.workers
    with transaction(held.engine) as session:
        lease = flow.begin(session, stage, recording_id, WORKER, settings.lease_seconds)
    if lease is None:
        return False
    with structlog.contextvars.bound_contextvars(stage=stage.value, recording=recording_id):
        if lease.crashes >= settings.max_attempts:
            _hold(
                held,
                lease,
                "work.gave_up",
                f"{lease.crashes} attempts of the stage {stage} broke off.",
            )
            return False
        try:
            work(held, lease)
        except LeaseLostError:
            _end(held, lease, LeaseLostError.code)
        except PermanentError as error:
            _hold(held, lease, error.code, str(error))
        except FileNotFoundError:
            _hold(
                held, lease, "storage.missing",
                "A stored file of this recording is gone; restore the data folder from its backup or send "
                "the photos again.",
            )  # fmt: skip
        except (TransientError, OSError) as error:
            _postpone(held, lease, _code(error))
        except Exception as error:
            # Its text may quote a header, so only its kind and place are written down.
            log.error("stage.failed", kind=type(error).__name__, place=_place(error))
            _postpone(held, lease, type(error).__name__, crashed=True)
        else:
            log.info("stage.done")
            return True
    return False


def _conclude(held: Context, lease: Lease, error: FacialisError | None) -> None:
    """Let a delivery end, or be tried again, as ``error`` says."""
    with structlog.contextvars.bound_contextvars(delivery=lease.row_id):
        if error is None:
            log.info("delivery.done")
        elif isinstance(error, LeaseLostError):
            log.info("delivery.lease_lost")
        elif isinstance(error, NotBegunError):
            with transaction(held.engine) as session:
                leases.give_back(session, Delivery, lease)
        elif isinstance(error, FaultFoundError) and lease.attempts + 1 >= held.settings.workers.max_attempts:
            log.warning("delivery.refused", code=error.code)
            _give_up(held, lease, str(error))
        elif isinstance(error, TransientError):
            seconds = COMMITMENT_SECONDS if isinstance(error, UncommittedError) else None
            _wait(held, lease, error.code, str(error), first_wait=seconds)
        else:
            log.warning("delivery.refused", code=error.code)
            _give_up(held, lease, str(error))


def _give_up(held: Context, lease: Lease, answer: str) -> None:
    try:
        give_up(held, lease, answer)
    except LeaseLostError:
        log.info("delivery.lease_lost")


def _wait(
    held: Context,
    lease: Lease,
    outcome: str,
    answer: str,
    *,
    crashed: bool = False,
    first_wait: float | None = None,
) -> None:
    log.warning("delivery.postponed", outcome=outcome, attempts=lease.attempts + 1)
    note_answer(held, lease, answer)
    seconds = held.settings.workers.retry_seconds if first_wait is None else first_wait
    with transaction(held.engine) as session:
        leases.postpone(session, Delivery, lease, seconds, crashed=crashed)


def _hold(held: Context, lease: Lease, code: str, reason: str) -> None:
    log.warning("recording.needs_attention", code=code)
    try:
        with transaction(held.engine) as session:
            leases.confirm(session, Recording, lease)
            flow.hold(session.get_one(Recording, lease.row_id), code, reason)
            flow.end_run(session, lease, code)
    except LeaseLostError:
        _end(held, lease, LeaseLostError.code)


def _postpone(held: Context, lease: Lease, outcome: str, *, crashed: bool = False) -> None:
    log.warning("stage.postponed", outcome=outcome, attempts=lease.attempts + 1)
    with transaction(held.engine) as session:
        leases.postpone(session, Recording, lease, held.settings.workers.retry_seconds, crashed=crashed)
        flow.end_run(session, lease, outcome)


def _end(held: Context, lease: Lease, outcome: str) -> None:
    with transaction(held.engine) as session:
        flow.end_run(session, lease, outcome)


def _code(error: TransientError | OSError) -> str:
    return error.code if isinstance(error, TransientError) else f"os.{error.errno}"


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


@signals.setup_logging.connect
def _keep_logs(**_: Any) -> None:
    """Celery would set up logging of its own; the command line has done so already."""
