"""Commands that run the service, whole or one process of it."""

import os
from typing import Annotated

import structlog
import typer
from rich.console import Console

from grading.errors import TransientError
from service.logs import configure_logs
from service.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(up)
    app.command()(receive)
    app.command()(listen)
    app.command()(worker)
    app.command()(schedule)
    app.command()(web)
    database = typer.Typer(help="The database.", no_args_is_help=True)
    database.command("upgrade")(upgrade_database)
    app.add_typer(database, name="db")


def up() -> None:
    """Run the whole service on this machine until Ctrl-C.

    PostgreSQL and Redis come from wheels and keep their files in the data folder, unless
    FACIALIS_DATABASE_URL and FACIALIS_BROKER_URL name others.
    """
    from service.access.accounts import nobody_can_sign_in
    from service.running import Running
    from service.up import run_service

    settings = _start("up")
    console = Console()

    def tell(running: Running) -> None:
        receiver = settings.receiver
        console.print(f"DICOM receiver  {receiver.ae_title}@{receiver.host}:{running.receiver_port}")
        scheme = "https" if settings.web.tls.certificate else "http"
        console.print(f"Web page        {scheme}://{settings.web.host}:{running.web_port}/")
        if nobody_can_sign_in(running.database_url):
            console.print("Sign-in         nobody yet: facialis user add NAME --role administrator")
        if settings.listener.port is not None:
            console.print(f"HL7 listener    {settings.listener.host}:{settings.listener.port}")
        console.print(f"Data            {settings.data_dir.resolve()}")
        console.print("Ctrl-C stops everything.")

    run_service(settings, tell)


def receive(
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that share the port; the setting's number if not given."),
    ] = None,
) -> None:
    """Run the DICOM receiver."""
    settings = _start("receive")
    from service.receive import receive as run_receiver
    from service.records.flow import Stage
    from workers.app import make_app, wake

    make_app(settings)
    run_receiver(settings, lambda recording_id: wake(Stage.PREPARE, recording_id), processes)


def listen() -> None:
    """Run the HL7 v2 listener."""
    settings = _start("listen")
    from service.database import connect
    from service.hl7.listener import run_listener
    from service.running import database_url

    run_listener(connect(database_url(settings)), settings.listener)


def worker(
    queue: Annotated[
        list[str],
        typer.Option(
            help="A queue to serve: prepare, grade, report, deliver, regrade, constancy, reconcile, features."
        ),
    ],
    processes: Annotated[int, typer.Option(min=1, help="How many tasks at once.")] = 1,
) -> None:
    """Run a worker for one or more queues."""
    settings = _start(f"worker-{'-'.join(queue)}")
    from service.queues import FEATURES, QUEUES
    from workers.app import make_app
    from workers.heartbeat import WorkerHeartbeat

    unknown = set(queue) - set(QUEUES)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(QUEUES)}")
    if {"prepare", "grade"} & set(queue):
        _load_bundle(with_network="grade" in queue and processes == 1)
    # The network uses all cores by itself: one process, whose model is loaded once.
    pool = ["--pool", "solo"] if processes == 1 else ["--pool", "prefork", "--concurrency", str(processes)]
    if set(queue) != {FEATURES}:  # who only fills caches needs no database
        WorkerHeartbeat(queue).follow(alone=processes == 1)
    make_app(settings).worker_main([
        "worker", *pool, "--queues", ",".join(queue), "--hostname", f"{'-'.join(queue)}-{os.getpid()}@%h",
        "--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", settings.log_level,
    ])  # fmt: skip


def schedule() -> None:
    """Run the clock that asks the workers every few seconds to look for work left behind."""
    settings = _start("schedule")
    from workers.app import make_app

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    make_app(settings).start(["beat", "--schedule", str(settings.data_dir / "schedule"), "--pidfile", ""])


def web() -> None:
    """Run the web pages."""
    settings = _start("web")
    from service.database import connect
    from service.running import database_url
    from service.storage import FolderStorage
    from service.waking import telling
    from service.web.serve import serve

    storage = FolderStorage(settings.data_dir / "files")
    serve(telling(connect(database_url(settings)), settings), storage, settings)


def upgrade_database(
    application_role: Annotated[
        str | None,
        typer.Option(help="An existing database role to give the rights that the service's processes need."),
    ] = None,
) -> None:
    """Bring the database to the newest revision, as the owner of its tables."""
    settings = _start("db")
    from migrations.rights import grant
    from migrations.upgrade import upgrade
    from service.running import database_url

    upgrade(database_url(settings))
    if application_role is not None:
        grant(database_url(settings), application_role)


def _load_bundle(*, with_network: bool) -> None:
    """Load what the worker grades with, so that its first recording need not wait.

    A bundle of the settings that cannot be used ends the worker here, so that recordings wait rather than
    fail. One that an administrator activated does not: another can be activated while the worker runs.
    """
    from workers.context import context

    held = context()
    try:
        bundle = held.bundle()
        if with_network:
            held.grader(bundle)
    except TransientError as error:
        structlog.get_logger().warning("worker.bundle_not_loaded", code=error.code)
    finally:
        # A process that is forked from this one must not share its connection.
        held.engine.dispose()


def _start(process: str) -> Settings:
    settings = load_settings()
    configure_logs(settings.log_level, process)
    return settings
