"""The storage SCP: an object is answered with Success only once it is on disk and the intake has recorded it.

What is answered when (PS3.4 B.2.3; the codes are in `dicom.statuses`):

- stored, known already, or kept beside another version: SUCCESS
- disk full, or the intake cannot record now: OUT_OF_RESOURCES, and nothing is kept; the sender tries again
- other UIDs than the command announced: MISMATCH, and the bytes go to quarantine
- not a DICOM object, or cut short: NOT_UNDERSTOOD, and the bytes go to quarantine
- too large, or refused by the intake: NOT_UNDERSTOOD
- unknown calling or called AE title, too many associations: the association is rejected
- unknown address, too many connections, no valid TLS or certificate: the connection is closed
- idle, slow or nonsensical peers: the association is aborted

Every refusal is one line in the log, with its reason.
"""

import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pynetdicom
import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.events import Event

from dicom.announcements import EndedSeries
from dicom.commitment import CommitmentReport
from dicom.committing import CommitmentRequest
from dicom.contexts import ACCEPTED
from dicom.header_reading import UnreadableObjectError, read_header
from dicom.intake import Intake, ReceivedObject
from dicom.listening import POLL_SECONDS, Network, ReceiverServer, listen, peer_of
from dicom.messages import Incoming, MessageLayer
from dicom.notices import Notices
from dicom.spool import Spool
from dicom.statuses import (
    MISMATCH,
    NOT_UNDERSTOOD,
    OUT_OF_RESOURCES,
    SUCCESS,
)
from dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from grading.errors import PermanentError, TransientError

_NAMED_CLASSES = 8
"""Of the SOP classes that a sender proposed in vain, so many are named in the log."""


@dataclass(frozen=True, kw_only=True)
class ReceiverConfig:
    """How the receiver listens. Sizes in bytes, timeouts in seconds; port 0 picks a free one.

    ``known_callers`` are the AE titles that may associate, ``known_addresses`` the networks that may connect,
    empty for anybody. ``idle_timeout`` is how long an association may be silent between two messages,
    ``pdu_timeout`` how long a PDU may take; an object that has taken that long must come at no less than
    ``min_bytes_per_second`` on average. ``spool`` is on the file system that the intake moves objects to.
    """

    spool: Path
    ae_title: str = "FACIALIS"
    host: str = "0.0.0.0"  # noqa: S104 - modalities connect from the hospital's network
    port: int = 11112
    known_callers: tuple[str, ...] = ()
    known_addresses: tuple[Network, ...] = ()
    tls: ssl.SSLContext | None = None
    max_associations: int = 20
    max_pdu: int = 131072
    min_free_bytes: int = 1 << 30
    max_object_bytes: int = 1 << 28
    acse_timeout: float = 30.0
    idle_timeout: float = 60.0
    pdu_timeout: float = 30.0
    min_bytes_per_second: float = 1024.0


@dataclass(frozen=True)
class Refusal:
    """A peer that was not let in, and why, as a short code; its AE title where it came to say one."""

    reason: str
    address: str
    calling_ae: str = ""


class Receiver:
    """Listens for C-ECHO and C-STORE and hands whole objects to an intake.

    ``on_commitment``, ``commit`` and ``on_ended``, if any, are as for `dicom.notices.Notices`.
    ``on_refused``, if any, is called with each peer that is not let in, from the thread that goes on to let
    in others: it must neither wait nor raise.
    """

    def __init__(
        self,
        config: ReceiverConfig,
        intake: Intake,
        log: Any = None,
        on_commitment: Callable[[CommitmentReport], None] | None = None,
        commit: Callable[[CommitmentRequest], bool] | None = None,
        on_ended: Callable[[Sequence[EndedSeries]], None] | None = None,
        on_refused: Callable[[Refusal], None] | None = None,
    ) -> None:
        self.config = config
        self._intake = intake
        self._tell_refusal = on_refused or (lambda _: None)
        self._log = log or structlog.get_logger()
        self._notices = Notices(self._log, on_commitment, commit, on_ended)
        self._spool = Spool(
            config.spool,
            config.min_free_bytes,
            config.max_object_bytes,
            config.pdu_timeout,
            config.min_bytes_per_second,
        )
        self._server: ReceiverServer | None = None
        self._entity = ApplicationEntity(config.ae_title)
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(config.known_callers)
        self._entity.maximum_associations = config.max_associations
        self._entity.maximum_pdu_size = config.max_pdu
        self._entity.acse_timeout = config.acse_timeout
        self._entity.network_timeout = config.idle_timeout
        self._entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self._entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        for sop_class, syntaxes in ACCEPTED.items():
            self._entity.add_supported_context(sop_class, list(syntaxes))
        self._notices.offer(self._entity)

    @property
    def port(self) -> int:
        """The port that is listened on, also when the configuration asked for any."""
        return int(self._server.server_address[1]) if self._server else self.config.port

    def start(self, listening: socket.socket | None = None) -> None:
        """Serve, without blocking, on a socket that listens already or on one of our own.

        Raises `OSError` when the port is taken.
        """
        self.config.spool.mkdir(parents=True, exist_ok=True)
        swept = self._spool.sweep()
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._on_connection),
            (evt.EVT_ACCEPTED, self._on_accepted),
            (evt.EVT_REJECTED, self._on_rejected),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            *self._notices.handlers(),
        ]
        listening = listening or listen(self.config.host, self.config.port)
        # pynetdicom's own handlers write out every PDU for its log, which says nothing here.
        pynetdicom._config.LOG_HANDLER_LEVEL = "none"
        server = self._entity.make_server(
            listening.getsockname(),
            evt_handlers=handlers,
            server_class=ReceiverServer,
            listening=listening,
            known_addresses=self.config.known_addresses,
            max_associations=self.config.max_associations,
            tls=self.config.tls,
            handshake_seconds=self.config.acse_timeout,
            pdu_seconds=self.config.pdu_timeout,
            refused=self._on_refused,
            fault=self._on_fault,
        )
        assert isinstance(server, ReceiverServer)  # noqa: S101 - it is what was asked for
        self._server = server
        self._entity._servers.append(server)
        threading.Thread(
            target=server.serve_forever, args=(POLL_SECONDS,), name="receiver", daemon=True
        ).start()
        self._log.info("receiver.listening", ae_title=self.config.ae_title, port=self.port, swept=swept)

    def stop(self) -> None:
        """Stop listening and abort what is under way: an object without a reply is sent again."""
        if self._server is not None:
            self._entity.shutdown()
            self._server = None
            self._log.info("receiver.stopped", ae_title=self.config.ae_title)

    def _on_connection(self, event: Event) -> None:
        event.assoc.dimse = MessageLayer(event.assoc, self._spool, self._on_store)

    def _on_refused(self, reason: str, address: str, detail: str) -> None:
        self._log.warning("receiver.connection_refused", reason=reason, peer_address=address, detail=detail)
        self._tell_refusal(Refusal(reason, address))

    def _on_fault(self, association: Association, reason: str) -> None:
        self._log.warning("receiver.association_aborted", reason=reason, **peer_of(association))

    def _on_accepted(self, event: Event) -> None:
        refused = sorted({str(context.abstract_syntax) for context in event.assoc.rejected_contexts})
        self._log.info(
            "receiver.association",
            **peer_of(event.assoc),
            refused_classes=refused[:_NAMED_CLASSES],
            refused_count=len(refused),
        )

    def _on_rejected(self, event: Event) -> None:
        called = _called(event)
        peer = peer_of(event.assoc)
        if called != self.config.ae_title:
            reason = "called_ae"
        elif self.config.known_callers and peer["calling_ae"] not in self.config.known_callers:
            reason = "calling_ae"
        else:
            reason = "too_many"
        self._log.warning("receiver.association_rejected", reason=reason, **peer, called_ae=called)
        self._tell_refusal(Refusal(reason, peer["peer_address"], peer["calling_ae"]))

    def _on_store(self, association: Association, incoming: Incoming) -> tuple[int, str]:
        """The status to answer, and a comment where it is no success."""
        peer = peer_of(association)
        spooled = incoming.file
        try:
            status, outcome = self._take_in(peer, incoming)
        # The outermost call of the association's thread: a fault must leave the object with its sender.
        except Exception as error:
            # The message is left out: a database's may quote a patient's data.
            place = traceback.extract_tb(error.__traceback__)[-1]
            self._log.error(
                "receiver.fault", error=type(error).__name__, file=place.filename, line=place.lineno
            )
            status, outcome = OUT_OF_RESOURCES, "internal fault"
        finally:
            spooled.discard()
        log = self._log.info if status == SUCCESS else self._log.warning
        log(
            "receiver.object",
            sop_instance_uid=incoming.request.sop_instance_uid,
            status=f"0x{status:04X}",
            outcome=outcome,
            bytes=spooled.size,
            **peer,
        )
        return status, "" if status == SUCCESS else outcome[:64]

    def _take_in(self, peer: dict[str, str], incoming: Incoming) -> tuple[int, str]:
        """The status to answer, and the outcome in words without the patient's data."""
        spooled, request = incoming.file, incoming.request
        calling_ae = peer["calling_ae"]
        try:
            spooled.finish()
            if not spooled.size:
                return NOT_UNDERSTOOD, "no data set"
            path = Path(spooled.name)
            try:
                # While the disk takes the bytes, they are looked at.
                header = read_header(path)
            except UnreadableObjectError as error:
                spooled.wait()
                self._intake.quarantine(path, error.code, calling_ae)
                return NOT_UNDERSTOOD, error.code
            spooled.wait()
            announced = (request.sop_class_uid, request.sop_instance_uid)
            if announced != (header.sop_class_uid, header.sop_instance_uid) or (
                header.sop_class_uid != incoming.abstract_syntax
            ):
                self._intake.quarantine(path, "dicom.uid_mismatch", calling_ae)
                return MISMATCH, "dicom.uid_mismatch"
            received = ReceivedObject(
                path=path,
                sha256=spooled.sha256(),
                size=spooled.size,
                header=header,
                calling_ae=calling_ae,
                peer_address=peer["peer_address"],
                received_at=datetime.now(UTC),
            )
            return SUCCESS, self._intake.store(received).value
        except TransientError as error:
            return OUT_OF_RESOURCES, error.code
        except PermanentError as error:
            return NOT_UNDERSTOOD, error.code
        except OSError as error:
            return OUT_OF_RESOURCES, f"disk: {type(error).__name__}"


def _called(event: Event) -> str:
    primitive = event.assoc.requestor.primitive
    return (primitive.called_ae_title or "").strip() if primitive else ""
