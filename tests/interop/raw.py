"""A sender that writes its PDUs itself, so that they can be wrong."""

import io
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, VLPhotographicImageStorage
from pynetdicom import AE, evt
from pynetdicom.dsutils import decode, encode

from dicom.receiver import Receiver
from tests.dicom.test_hardening import fragment

ACCEPTED, DATA, RELEASE = 2, 4, 5


def request_of_association(receiver: Receiver) -> bytes:
    """An A-ASSOCIATE-RQ as pynetdicom writes it, for photos as JPEG in the context 1."""
    sent: list[bytes] = []
    entity = AE("CAMERA")
    entity.add_requested_context(VLPhotographicImageStorage, JPEGBaseline8Bit)
    opened = entity.associate(
        "127.0.0.1",
        receiver.port,
        ae_title="FACIALIS",
        evt_handlers=[(evt.EVT_DATA_SENT, lambda event: sent.append(event.data))],
    )
    opened.release()
    return sent[0]


def read_pdu(connection: socket.socket) -> tuple[int, bytes]:
    """Type and body; raises `ConnectionError` when the peer hangs up."""
    kind, length = struct.unpack(">BxL", _read(connection, 6))
    return kind, _read(connection, length)


def _read(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        piece = connection.recv(count - len(read))
        if not piece:
            raise ConnectionResetError
        read += piece
    return read


@contextmanager
def connected(receiver: Receiver) -> Iterator[socket.socket]:
    """A bare connection that waits for answers for half a minute at most."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


@contextmanager
def associated(receiver: Receiver, request: bytes) -> Iterator[socket.socket]:
    """An accepted association, released at the end."""
    with connected(receiver) as connection:
        connection.sendall(request)
        kind, _ = read_pdu(connection)
        assert kind == ACCEPTED
        yield connection
        connection.sendall(bytes([RELEASE, 0, 0, 0, 0, 4, 0, 0, 0, 0]))


def store_message(dataset: bytes, uid: str, chunk: int = 16_000) -> list[bytes]:
    """The PDUs that store a data set, with the UID that the command announces."""
    command = Dataset()
    command.CommandGroupLength = 0
    command.AffectedSOPClassUID = VLPhotographicImageStorage
    command.CommandField = 1
    command.MessageID = 1
    command.Priority = 0
    command.CommandDataSetType = 1
    command.AffectedSOPInstanceUID = uid
    pieces = [dataset[at : at + chunk] for at in range(0, len(dataset), chunk)] or [b""]
    pdus = [fragment(3, encode(command, True, True) or b"")]
    pdus += [fragment(0, piece) for piece in pieces[:-1]]
    return [*pdus, fragment(2, pieces[-1])]


def status_of(body: bytes) -> int:
    """The status in an answer's P-DATA PDU."""
    return int(decode(io.BytesIO(body[6:]), True, True).Status)


def store(connection: socket.socket, dataset: bytes, uid: str) -> int:
    """Store a data set; the status that the receiver answers."""
    connection.sendall(b"".join(store_message(dataset, uid)))
    kind, body = read_pdu(connection)
    assert kind == DATA
    return status_of(body)
