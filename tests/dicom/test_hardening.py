"""What a peer may not do to the receiver: each refusal is one line in the log, and the others are served on.

Not here: mutated objects and PDUs (tests/interop/test_mutations.py), other toolkits as peers (tests/interop).
"""

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, VLPhotographicImageStorage
from pynetdicom import AE
from pynetdicom.dsutils import encode

from dicom.receiver import Receiver
from dicom.sending import PeerUnavailableError, echo
from dicom.uids import derived_uid
from tests.dicom.samples import FolderIntake, photo, save
from tests.dicom.test_receiver import Start, answers, logged, peer_of, send_one, spooled, wait_until

Logs = list[Any]


def pdu(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0]) + struct.pack(">L", len(body)) + body


def fragment(control: int, body: bytes, context: int = 1) -> bytes:
    item = bytes([context, control]) + body
    return pdu(4, struct.pack(">L", len(item)) + item)


def store_command(sop_class: str = VLPhotographicImageStorage) -> bytes:
    command = Dataset()
    command.CommandGroupLength = 0
    command.AffectedSOPClassUID = sop_class
    command.CommandField = 1
    command.MessageID = 1
    command.Priority = 0
    command.CommandDataSetType = 1
    command.AffectedSOPInstanceUID = derived_uid("raw")
    return encode(command, True, True) or b""


@contextmanager
def raw_association(receiver: Receiver) -> Iterator[socket.socket]:
    """An accepted association whose PDUs the test writes itself; its only context has the ID 1."""
    entity = AE("CAMERA")
    entity.add_requested_context(VLPhotographicImageStorage, JPEGBaseline8Bit)
    opened = entity.associate("127.0.0.1", receiver.port, ae_title="FACIALIS")
    assert opened.is_established
    assert opened.dul.socket is not None
    connection = opened.dul.socket.socket
    assert connection is not None
    try:
        yield connection
    finally:
        opened.abort()
        connection.close()


def faults(logs: Logs) -> list[str]:
    return [entry["reason"] for entry in logs if entry["event"] == "receiver.association_aborted"]


def served(receiver: Receiver, tmp_path: Path) -> bool:
    return send_one(receiver, save(photo(), tmp_path / "good.dcm")) == 0x0000


@pytest.fixture
def logs() -> Iterator[Logs]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_unknown_address_is_refused(start_receiver: Start, logs: Logs) -> None:
    receiver = start_receiver(known_addresses=(ipaddress.ip_network("10.1.2.0/24"),))
    with pytest.raises(PeerUnavailableError):
        echo(peer_of(receiver), "CAMERA")
    refusal = logged(logs, "receiver.connection_refused")
    assert (refusal["reason"], refusal["peer_address"]) == ("address", "127.0.0.1")


def test_known_address_is_served(start_receiver: Start) -> None:
    echo(peer_of(start_receiver(known_addresses=(ipaddress.ip_network("127.0.0.0/8"),))), "CAMERA")


def test_too_many_connections_are_refused_and_others_served_when_they_end(
    start_receiver: Start, logs: Logs
) -> None:
    receiver = start_receiver(max_associations=1)
    probes = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(40)]
    wait_until(lambda: any(entry.get("reason") == "too_many" for entry in logs))
    for probe in probes:
        probe.close()
    wait_until(lambda: answers(receiver))


def test_silent_association_is_aborted_after_the_idle_time(
    start_receiver: Start, logs: Logs, tmp_path: Path
) -> None:
    receiver = start_receiver(idle_timeout=0.6)
    with raw_association(receiver) as connection:
        connection.settimeout(10)
        assert connection.recv(6)[:1] == b"\x07"
    wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == ["idle"])
    assert served(receiver, tmp_path)


def test_peer_that_stops_inside_a_pdu_is_aborted_and_leaves_nothing(
    start_receiver: Start, logs: Logs, tmp_path: Path
) -> None:
    receiver = start_receiver(pdu_timeout=0.5)
    with raw_association(receiver) as connection:
        connection.sendall(fragment(3, store_command()) + fragment(0, bytes(5000)))
        wait_until(lambda: len(spooled(receiver)) == 1)
        connection.sendall(fragment(0, bytes(5000))[:3000])
        wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == ["slow"])
    assert spooled(receiver) == []
    assert served(receiver, tmp_path)


def test_peer_that_trickles_is_aborted(start_receiver: Start, logs: Logs, tmp_path: Path) -> None:
    receiver = start_receiver(pdu_timeout=0.5, min_bytes_per_second=100_000)
    with raw_association(receiver) as connection:
        connection.sendall(fragment(3, store_command()))
        end = time.monotonic() + 10
        while receiver._entity.active_associations:
            assert time.monotonic() < end
            try:
                connection.sendall(fragment(0, bytes(100)))
            except OSError:
                break
            time.sleep(0.05)
        wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == ["slow"])
    assert spooled(receiver) == []
    assert served(receiver, tmp_path)


def test_peer_that_never_asks_for_an_association_is_disconnected(start_receiver: Start) -> None:
    receiver = start_receiver(acse_timeout=0.5)
    with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
        connection.settimeout(10)
        assert connection.recv(1) == b""
    wait_until(lambda: not receiver._entity.active_associations)


COMMAND = fragment(3, store_command())


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (pdu(4, b"")[:2] + struct.pack(">L", 1 << 31), "pdu_too_long"),
        (pdu(1, b"")[:2] + struct.pack(">L", 1 << 31), "pdu_too_long"),
        (pdu(4, struct.pack(">L", 4000) + b"\1\3xx"), "garbage"),
        (pdu(4, struct.pack(">L", 0)), "garbage"),
        (fragment(0, bytes(100)), "fragment_out_of_place"),
        (COMMAND + fragment(0, bytes(100), context=3), "fragment_out_of_place"),
        (COMMAND + COMMAND, "fragment_out_of_place"),
        (fragment(3, b"\xff" * 200), "unreadable_message"),
        (fragment(1, bytes(100_000)) * 60, "message_too_long"),
    ],
    ids=[
        "endless data", "endless request", "item over the end", "empty item", "data before a command",
        "another context", "second command", "unreadable command", "endless command",
    ],
)  # fmt: skip
def test_nonsense_ends_the_association_and_nothing_else(
    start_receiver: Start, intake: FolderIntake, logs: Logs, tmp_path: Path, sent: bytes, reason: str
) -> None:
    receiver = start_receiver()
    with raw_association(receiver) as connection:
        try:
            connection.sendall(sent)
        except OSError:
            assert reason == "message_too_long"  # the receiver hung up before all of it was sent
        wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == [reason])
    assert spooled(receiver) == []
    assert intake.outcomes == []
    assert served(receiver, tmp_path)


def test_data_set_of_another_message_than_a_store_is_held_in_bounds(
    start_receiver: Start, logs: Logs
) -> None:
    receiver = start_receiver()
    command = Dataset()
    command.CommandGroupLength = 0
    command.AffectedSOPClassUID = VLPhotographicImageStorage
    command.CommandField = 0x0030
    command.MessageID = 1
    command.CommandDataSetType = 1
    with raw_association(receiver) as connection:
        try:
            connection.sendall(fragment(3, encode(command, True, True) or b""))
            for _ in range(60):
                connection.sendall(fragment(0, bytes(100_000)))
        except OSError:
            pass
        wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == ["message_too_long"])


def test_request_of_a_class_that_nobody_serves_aborts_the_association(
    start_receiver: Start, logs: Logs, tmp_path: Path
) -> None:
    receiver = start_receiver()
    with raw_association(receiver) as connection:
        connection.sendall(fragment(3, store_command("1.2.3.4")) + fragment(2, bytes(100)))
        wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == ["unserved_request"])
    assert spooled(receiver) == []
    assert served(receiver, tmp_path)


def test_stop_ends_open_associations(start_receiver: Start) -> None:
    receiver = start_receiver()
    with raw_association(receiver):
        started = time.monotonic()
        receiver.stop()
        wait_until(lambda: not any("AcceptorThread" in each.name for each in threading.enumerate()))
    assert time.monotonic() - started < 5


def test_sender_that_dies_inside_an_object_is_named_in_the_log(start_receiver: Start, logs: Logs) -> None:
    receiver = start_receiver()
    with raw_association(receiver) as connection:
        connection.sendall(fragment(3, store_command()) + fragment(0, bytes(5000)))
        wait_until(lambda: len(spooled(receiver)) == 1)
        connection.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: not receiver._entity.active_associations)
    wait_until(lambda: faults(logs) == ["hung_up_inside_an_object"])
    assert spooled(receiver) == []


@pytest.mark.journey
def test_ended_associations_leave_no_thread_and_no_descriptor(start_receiver: Start) -> None:
    receiver = start_receiver()

    def rounds(count: int) -> tuple[int, int]:
        for _ in range(count):
            echo(peer_of(receiver), "CAMERA")
            socket.create_connection(("127.0.0.1", receiver.port)).close()
        wait_until(lambda: not receiver._entity.active_associations)
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    before = rounds(5)
    after = rounds(100)
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 10
