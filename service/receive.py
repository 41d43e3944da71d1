"""The receiver process: the DICOM receiver over this service's intake."""

import signal
import threading
from collections.abc import Callable

from dicom.receiver import Receiver, ReceiverConfig
from grading.errors import PermanentError
from service.database import connect
from service.intake import ServiceIntake
from service.running import database_url
from service.settings import Settings
from service.storage import FolderStorage


class ListenError(PermanentError):
    """The address to listen on cannot be used."""

    code = "receiver.listen"


def receive(settings: Settings, wake: Callable[[int], object]) -> None:
    """Receive until SIGINT or SIGTERM; ``wake`` is told of each recording that became complete.

    The spool lies beside the storage, so that a received file is stored by renaming it.
    """
    chosen = settings.receiver
    files = settings.data_dir / "files"
    config = ReceiverConfig(
        ae_title=chosen.ae_title,
        host=chosen.host,
        port=chosen.port,
        known_callers=chosen.known_callers,
        max_associations=chosen.max_associations,
        min_free_bytes=chosen.min_free_bytes,
        max_object_bytes=chosen.max_object_bytes,
        spool=files / "spool",
    )
    intake = ServiceIntake(connect(database_url(settings)), FolderStorage(files), settings, wake)
    receiver = Receiver(config, intake)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        receiver.start()
    except OSError as error:
        raise ListenError(
            f"cannot listen on {chosen.host}:{chosen.port} ({error.strerror}); set FACIALIS_RECEIVER__HOST "
            "and FACIALIS_RECEIVER__PORT"
        ) from error
    asked.wait()
    receiver.stop()
