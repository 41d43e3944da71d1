"""The receiver process, or several that share its port: the DICOM receiver over this service's intake."""

import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial

from dicom.listening import listen
from dicom.receiver import Receiver, ReceiverConfig
from dicom.tls import server_context
from grading.errors import PermanentError
from service.announcements import Announcements
from service.commitments import note_commitment
from service.committing import Committer
from service.database import connect
from service.forking import run_processes
from service.heartbeat import Heartbeat
from service.intake import ServiceIntake
from service.receiver_settings import ReceiverSettings
from service.records.audit import system
from service.records.audit_events import AuditEventKind
from service.records.models import ProcessKind
from service.refusals import Refusals
from service.running import database_url
from service.series import pose_rules
from service.settings import Settings
from service.storage import FolderStorage


class ListenError(PermanentError):
    """The address to listen on cannot be used."""

    code = "receiver.listen"


def receive(settings: Settings, wake: Callable[[int], object], processes: int | None = None) -> None:
    """Receive until SIGINT or SIGTERM; ``wake`` is as for `service.intake.ServiceIntake`.

    ``processes`` share the port, the settings' number if None.

    Raises:
        ListenError: the address cannot be listened on.
        CertificateError: TLS is to be spoken, with files that cannot be used.
    """
    chosen = settings.receiver
    config = receiver_config(settings)
    try:
        listening = listen(chosen.host, chosen.port)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {chosen.host}:{chosen.port} ({error.strerror}); set FACIALIS_RECEIVER__HOST "
            "and FACIALIS_RECEIVER__PORT"
        ) from error
    FolderStorage(settings.data_dir / "files").prepare("objects")
    work = partial(_serve, settings, config, wake, listening)
    count = processes or chosen.processes
    if count == 1:
        work()
    else:
        run_processes(count, work)


def receiver_config(settings: Settings) -> ReceiverConfig:
    """The receiver's configuration. The spool lies beside the storage: a file is stored by renaming it.

    Raises `CertificateError`.
    """
    chosen = settings.receiver
    return ReceiverConfig(
        ae_title=chosen.ae_title,
        host=chosen.host,
        port=chosen.port,
        known_callers=chosen.known_callers,
        known_addresses=chosen.known_addresses,
        tls=_tls(chosen),
        max_associations=chosen.max_associations,
        min_free_bytes=chosen.min_free_bytes,
        max_object_bytes=chosen.max_object_bytes,
        idle_timeout=chosen.idle_seconds,
        pdu_timeout=chosen.pdu_seconds,
        spool=settings.data_dir / "files" / "spool",
    )


def _tls(chosen: ReceiverSettings) -> ssl.SSLContext | None:
    tls = chosen.tls
    if tls.certificate is None or tls.key is None:
        return None
    return server_context(tls.certificate, tls.key, tls.authorities, require_client=tls.require_client)


def _serve(
    settings: Settings, config: ReceiverConfig, wake: Callable[[int], object], listening: socket.socket
) -> None:
    """Receive in this process until told to stop, or until the process that started it is gone."""
    parent = os.getppid()
    storage = FolderStorage(settings.data_dir / "files")
    engine = connect(database_url(settings), ask_first=False)
    intake = ServiceIntake(engine, storage, settings, wake)
    # Whoever answers a request to commit or tells of an end does so once: that must not meet a connection
    # that is gone.
    asking = connect(database_url(settings))
    on_commitment = partial(note_commitment, asking)
    committer = Committer(asking, storage, settings)
    announcements = Announcements(asking, pose_rules(settings), wake)
    refusals = Refusals(
        asking, AuditEventKind.ASSOCIATION_REFUSED, lambda address, _: system("receiver", address)
    )
    receiver = Receiver(
        config,
        intake,
        on_commitment=on_commitment,
        commit=committer.ask,
        on_ended=announcements.take,
        on_refused=lambda peer: refusals.note(peer.reason, peer.address, peer.calling_ae),
    )
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    receiver.start(listening)
    committer.start()
    heart = Heartbeat(asking, ProcessKind.RECEIVER)
    while not asked.wait(1.0) and os.getppid() == parent:
        heart.beat()
        refusals.write()
    receiver.stop()
    committer.stop()
    refusals.write(everything=True)
    heart.end()
