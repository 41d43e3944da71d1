"""A stand-in PACS for demonstrations and tests: it stores what it gets in a folder and answers C-ECHO.

Run it with ``python -m dicom.standin --folder F --ae-title PACS --port 0``; it prints its port on one line
when it is ready and stops on SIGTERM or SIGINT.
"""

import argparse
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from dicom.durable import write_durably
from dicom.statuses import NOT_UNDERSTOOD, OUT_OF_RESOURCES, SUCCESS
from dicom.uids import is_uid


class StandInPacs:
    """Stores every object as ``<study UID>/<SOP instance UID>.dcm`` under ``folder``; port 0 is any."""

    def __init__(
        self,
        folder: Path,
        ae_title: str = "STANDIN",
        port: int = 0,
        host: str = "127.0.0.1",
        syntaxes: Sequence[str] = ALL_TRANSFER_SYNTAXES,
    ) -> None:
        self.folder = folder
        self.ae_title = ae_title
        self._address = (host, port)
        self._entity = ApplicationEntity(ae_title)
        self._entity.maximum_pdu_size = 131072
        self._entity.add_supported_context(Verification)
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(cast(str, context.abstract_syntax), list(syntaxes))
        self._server: ThreadedAssociationServer | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1]) if self._server else self._address[1]

    def start(self, handlers: Sequence[Any] = ()) -> None:
        """Listen, without blocking, with pynetdicom's ``handlers`` beside its own.

        Raises `OSError` when the port is taken.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = cast(
            ThreadedAssociationServer,
            self._entity.start_server(
                self._address,
                block=False,
                evt_handlers=[(evt.EVT_C_STORE, self._on_store), *handlers],
            ),
        )

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._entity.shutdown()
            self._server = None

    def _on_store(self, event: Event) -> int:
        dataset: Dataset = event.dataset
        study, instance = str(dataset.get("StudyInstanceUID", "")), str(dataset.get("SOPInstanceUID", ""))
        if not (is_uid(study) and is_uid(instance)):
            return NOT_UNDERSTOOD
        try:
            write_durably(self.folder / study / f"{instance}.dcm", event.encoded_dataset())
        except OSError:
            return OUT_OF_RESOURCES
        return SUCCESS


def main() -> None:
    """Run a stand-in PACS until a signal stops it."""
    parser = argparse.ArgumentParser(description="A stand-in PACS: stores what it gets in a folder.")
    parser.add_argument("--folder", type=Path, required=True, help="where objects are stored")
    parser.add_argument("--ae-title", default="STANDIN", help="its AE title")
    parser.add_argument("--port", type=int, default=0, help="port to listen on, 0 for a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    pacs = StandInPacs(options.folder, options.ae_title, options.port, options.host)
    pacs.start()
    print(pacs.port, flush=True)  # noqa: T201 - the port is this command's output
    stopping.wait()
    pacs.stop()


if __name__ == "__main__":
    main()
