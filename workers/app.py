"""The Celery app. Messages carry ids only; the results of tasks are rows, so there is no result backend."""

from celery import Celery, current_app

from grading.errors import TransientError
from service.queues import CONSTANCY, RECONCILE, REGRADE
from service.records.due import Due
from service.records.flow import Stage
from service.running import broker_url
from service.settings import Settings
from service.waking import PATIENCE, send


def make_app(settings: Settings) -> Celery:
    """The app of this process, on the configured broker or that of the running service."""
    app = Celery("facialis", broker=broker_url(settings), include=["workers.tasks", "workers.features"])
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=RECONCILE,
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # Longer than any task: Redis hands a message out again after this time.
        broker_transport_options={
            "visibility_timeout": max(3600, int(4 * settings.workers.lease_seconds)),
            **PATIENCE,
        },
        beat_schedule={
            "reconcile": {
                "task": "facialis.reconcile",
                "schedule": settings.workers.reconcile_seconds,
                # One that waits longer than the next needs no answer any more.
                "options": {"queue": RECONCILE, "expires": settings.workers.reconcile_seconds},
            }
        },
    )
    # Of what passes, such as a database that is away, one line is enough.
    app.Task.throws = (TransientError,)
    app.set_default()
    return app


def wake(stage: Stage, row_id: int) -> bool:
    """Tell the workers of ``stage`` about a row, through the app that `make_app` made.

    False if the broker is away, which costs only time.
    """
    return _send(stage.value, row_id)


def wake_regrading(run_id: int) -> bool:
    """Tell the workers of a regrading; False if the broker is away."""
    return _send(REGRADE, run_id)


def wake_constancy(run_id: int) -> bool:
    """Tell a worker of a constancy check; False if the broker is away."""
    return _send(CONSTANCY, run_id)


def _send(queue: str, row_id: int) -> bool:
    return send(current_app, Due(queue, row_id))
