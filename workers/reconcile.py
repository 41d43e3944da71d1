"""Finds what should be moving and is not, from the rows alone: wiping the broker loses nothing."""

import datetime as dt
import os
import socket
from functools import partial

import structlog
from amqp.exceptions import ChannelError
from celery import current_app
from kombu.exceptions import OperationalError
from sqlalchemy import func, select, update

from grading.protocols import PROTOCOLS
from service import uploads
from service.constancy import due_night
from service.database import DatabaseUnavailableError, transaction
from service.records import constancy, flow, outbox, processes, regrading
from service.records.flow import Stage
from service.records.models import Delivery, ProcessKind, Recording
from service.series import close_if_full, close_series, pose_rules
from workers.app import wake, wake_constancy, wake_regrading
from workers.context import Context

log = structlog.get_logger()

ONE_TRY = {"max_retries": 0, "interval_start": 0, "socket_connect_timeout": 2}


def reconcile(context: Context) -> None:
    """Close series that are full or quiet, and enqueue every row that is due and in no queue.

    This is the net under everything else, so one row's fault must not keep the others from being looked at.
    """
    with transaction(context.engine) as session:
        quiet = flow.ended_series(context.settings.quiet_seconds)
        ended = session.scalars(select(Recording.id).where(quiet)).all()
        most = len(PROTOCOLS[context.settings.protocol].required)
        full = session.scalars(select(Recording.id).where(flow.full_series(most))).all()
    steps = [partial(_close_full, context, recording_id) for recording_id in full]
    steps += [partial(_close, context, recording_id) for recording_id in ended]
    steps += [partial(_enqueue, context, stage) for stage in Stage]
    steps.append(partial(_go_on, context, regrading.QUEUE))
    steps.append(partial(_check_constancy, context, constancy.QUEUE))
    steps.append(partial(_clear_uploads, context, uploads.FOLDER))
    steps.append(partial(_give_sign, context, ProcessKind.CLOCK))
    for step in steps:
        try:
            step()
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            # Its text may quote a row, so only its kind is written down.
            log.error("reconcile.failed", step=str(step.args[1]), kind=type(error).__name__)


def _close(context: Context, recording_id: int) -> None:
    with transaction(context.engine) as session:
        recording = session.scalar(
            select(Recording)
            .where(Recording.id == recording_id, flow.ended_series(context.settings.quiet_seconds))
            .with_for_update(skip_locked=True)
        )
        if recording is None:
            return
        close_series(session, recording, pose_rules(context.settings))
        state, code = recording.state.value, recording.reason_code
    log.info("series.closed", recording=recording_id, state=state, code=code)


def _close_full(context: Context, recording_id: int) -> None:
    with transaction(context.engine) as session:
        closed = close_if_full(session, recording_id, pose_rules(context.settings))
    if closed:
        log.info("series.complete", recording=recording_id)


def _enqueue(context: Context, stage: Stage) -> None:
    # With an empty queue whatever waits is in no message; with a long one it very likely is.
    requeue = 0.0 if _queue_length(stage.value) == 0 else context.settings.workers.requeue_seconds
    model = Delivery if stage is Stage.DELIVER else Recording
    with transaction(context.engine) as session:
        if stage is Stage.DELIVER:
            waiting = outbox.waiting_deliveries(session, requeue)
        else:
            waiting = flow.waiting_recordings(session, stage, requeue)
    sent = [row_id for row_id in waiting if wake(stage, row_id)]
    if sent:
        with transaction(context.engine) as session:
            session.execute(
                update(model).where(model.id.in_(sent)).values(enqueued_at=func.clock_timestamp())
            )
        log.info("work.enqueued", stage=stage.value, rows=len(sent))


def _go_on(context: Context, queue: str) -> None:
    """Tell the workers of each running regrading, unless they have been told and live work came first."""
    with transaction(context.engine) as session:
        runs = [] if regrading.live_work_waits(session) else regrading.running(session)
    if runs and _queue_length(queue) == 0:
        for run in runs:
            wake_regrading(run.id)


def _check_constancy(context: Context, queue: str) -> None:
    """Ask for the check of the last night, should nobody have; a machine that was off catches up by one."""
    settings = context.settings
    with transaction(context.engine) as session:
        if settings.constancy.daily:
            night = due_night(dt.datetime.now(dt.UTC), settings.constancy, settings.web.zone)
            if constancy.ask_for_night(session, night):
                log.info("constancy.asked", night=night.isoformat())
        waiting = constancy.waiting_checks(session)
    if waiting and _queue_length(queue) == 0:
        for run_id in waiting:
            wake_constancy(run_id)


def _give_sign(context: Context, kind: ProcessKind) -> None:
    """Note that work left behind was looked for, and forget processes that are long gone."""
    with transaction(context.engine) as session:
        processes.give_sign(session, kind, socket.gethostname(), os.getpid())
        processes.forget_gone(session)


def _clear_uploads(context: Context, folder: str) -> None:
    """Delete what was sent to be imported and never confirmed; ``folder`` names the step in the log."""
    uploads.clear(context.settings.data_dir)


def _queue_length(queue: str) -> int:
    """Messages waiting in a queue; 0 also where nothing was ever sent or the broker is away."""
    with current_app.connection_for_write(transport_options=ONE_TRY) as connection:
        try:
            return len(connection.SimpleQueue(queue, no_ack=True))
        except (ChannelError, OperationalError, OSError):
            return 0
