"""The receiver over real TCP: every reply of the C-STORE table, and what is kept in each case.

Not here: other toolkits as senders (tests/interop).
"""

import errno
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
)
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dsutils import encode
from pynetdicom.presentation import build_context

from dicom.building import to_bytes
from dicom.contexts import ACCEPTED, PHOTO_CLASSES, PHOTO_SYNTAXES
from dicom.intake import Stored
from dicom.receiver import Receiver, ReceiverConfig
from dicom.sending import Peer, PeerUnavailableError, RejectedError, echo, send_objects
from dicom.uids import derived_uid
from grading.errors import PermanentError, TransientError
from grading.protocols import JENA9
from tests.dicom.samples import PATIENT, FolderIntake, photo, save, save_series

Start = Callable[..., Receiver]


class DatabaseAwayError(TransientError):
    code: ClassVar[str] = "test.away"


class UnwantedError(PermanentError):
    code: ClassVar[str] = "test.unwanted"


def peer_of(receiver: Receiver, ae_title: str = "FACIALIS") -> Peer:
    return Peer(ae_title, "127.0.0.1", receiver.port)


def send_one(receiver: Receiver, path: Path) -> int | None:
    (outcome,) = send_objects([path], peer_of(receiver), calling_ae="CAMERA")
    return outcome.status


def spooled(receiver: Receiver) -> list[Path]:
    return list(receiver.config.spool.iterdir())


@contextmanager
def association(
    receiver: Receiver, sop_class: str = VLPhotographicImageStorage, syntax: str = JPEGBaseline8Bit
) -> Iterator[Association]:
    entity = AE("CAMERA")
    entity.add_requested_context(sop_class, syntax)
    opened = entity.associate("127.0.0.1", receiver.port, ae_title="FACIALIS")
    yield opened
    if opened.is_established:
        opened.release()


def send_as(receiver: Receiver, path: Path, *, sop_class: str, sop_instance: str) -> int:
    """Send a file's data set under other identifiers than it holds."""
    dataset = dcmread(path)
    dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    altered = path.with_suffix(".altered")
    dataset.save_as(altered, enforce_file_format=False)
    with association(receiver, sop_class) as opened:
        return int(opened.send_c_store(altered).Status)


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def answers(receiver: Receiver) -> bool:
    try:
        echo(peer_of(receiver), "CAMERA")
    except PeerUnavailableError:
        return False
    return True


def logged(logs: Sequence[MutableMapping[str, Any]], event: str) -> MutableMapping[str, Any]:
    """The one log entry of ``event``, which may be written after the peer has its answer."""
    wait_until(lambda: any(entry["event"] == event for entry in logs))
    (entry,) = [entry for entry in logs if entry["event"] == event]
    return entry


def test_echo_is_answered(start_receiver: Start) -> None:
    echo(peer_of(start_receiver()), "CAMERA")


def test_photo_is_kept_as_sent_before_success(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    receiver = start_receiver()
    assert send_one(receiver, path) == 0x0000
    (versions,) = intake.stored.values()
    kept = intake.folder / f"{versions[0].sha256}.dcm"
    assert dcmread(kept) == dcmread(path)
    assert dcmread(kept).file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert kept.read_bytes().endswith(path.read_bytes()[-versions[0].size :])
    assert versions[0].calling_ae == "CAMERA"
    assert versions[0].peer_address == "127.0.0.1"
    assert versions[0].received_at.tzinfo is not None
    assert versions[0].header.patient_name == PATIENT.name
    assert spooled(receiver) == []


def test_series_arrives_over_one_association(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    paths = save_series(tmp_path / "series")
    outcomes = send_objects(paths, peer_of(start_receiver()), calling_ae="CAMERA")
    assert [outcome.ok for outcome in outcomes] == [True] * 9
    assert intake.outcomes == [Stored.NEW] * 9


def test_same_object_twice_is_stored_once(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    receiver = start_receiver()
    assert [send_one(receiver, path), send_one(receiver, path)] == [0x0000, 0x0000]
    assert intake.outcomes == [Stored.NEW, Stored.DUPLICATE]
    assert len(list(intake.folder.glob("*.dcm"))) == 1
    assert spooled(receiver) == []


def test_same_uid_with_other_bytes_keeps_both(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    first = save(photo(), tmp_path / "first.dcm")
    changed = photo()
    changed.PatientID = "FP-0002"
    second = save(changed, tmp_path / "second.dcm")
    receiver = start_receiver()
    assert [send_one(receiver, first), send_one(receiver, second)] == [0x0000, 0x0000]
    assert intake.outcomes == [Stored.NEW, Stored.CONFLICT]
    assert len(list(intake.folder.glob("*.dcm"))) == 2


def test_same_pixels_in_another_syntax_hash_differently(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    dataset = photo()
    first = save(dataset, tmp_path / "first.dcm")
    dataset.decompress(decoding_plugin="pillow", generate_instance_uid=False)
    second = save(dataset, tmp_path / "second.dcm")
    receiver = start_receiver()
    assert [send_one(receiver, first), send_one(receiver, second)] == [0x0000, 0x0000]
    assert intake.outcomes == [Stored.NEW, Stored.CONFLICT]


def test_unknown_caller_is_rejected(start_receiver: Start, tmp_path: Path) -> None:
    receiver = start_receiver(known_callers=("CAMERA",))
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(RejectedError, match="Calling AE title not recognised"):
            echo(peer_of(receiver), "STRANGER")
        echo(peer_of(receiver), "CAMERA")
        rejection = logged(logs, "receiver.association_rejected")
    assert rejection["calling_ae"] == "STRANGER"


def test_unknown_called_title_is_rejected(start_receiver: Start) -> None:
    receiver = start_receiver()
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(RejectedError, match="Called AE title not recognised"):
            echo(peer_of(receiver, "SOMEBODY"), "CAMERA")
        rejection = logged(logs, "receiver.association_rejected")
    assert rejection["called_ae"] == "SOMEBODY"


def test_too_many_associations_are_rejected_for_now(start_receiver: Start) -> None:
    receiver = start_receiver(max_associations=1)
    with association(receiver) as first, structlog.testing.capture_logs() as logs:
        assert first.is_established
        with pytest.raises(PeerUnavailableError):
            echo(peer_of(receiver), "CAMERA")
        assert logged(logs, "receiver.association_rejected")["reason"] == "too_many"


def test_ct_image_is_refused_in_negotiation(start_receiver: Start) -> None:
    receiver = start_receiver()
    with (
        structlog.testing.capture_logs() as logs,
        association(receiver, CTImageStorage, ExplicitVRLittleEndian) as opened,
    ):
        assert not opened.accepted_contexts
        entry = logged(logs, "receiver.association")
    assert entry["refused_classes"] == [CTImageStorage]


def test_every_syntax_of_the_table_is_accepted(start_receiver: Start) -> None:
    receiver = start_receiver()
    entity = AE("CAMERA")
    offered = [(sop_class, syntax) for sop_class in PHOTO_CLASSES for syntax in ACCEPTED[sop_class]]
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in offered]
    opened = entity.associate("127.0.0.1", receiver.port, contexts=contexts, ae_title="FACIALIS")
    accepted = [(context.abstract_syntax, context.transfer_syntax[0]) for context in opened.accepted_contexts]
    opened.release()
    assert accepted == offered


def test_jpeg_is_preferred_when_a_sender_offers_a_choice(start_receiver: Start) -> None:
    entity = AE("CAMERA")
    entity.add_requested_context(VLPhotographicImageStorage, list(reversed(PHOTO_SYNTAXES)))
    opened = entity.associate("127.0.0.1", start_receiver().port, ae_title="FACIALIS")
    assert opened.accepted_contexts[0].transfer_syntax == [JPEGBaseline8Bit]
    opened.release()


def test_text_file_named_dcm_does_not_stop_the_others(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    text = tmp_path / "notes.dcm"
    text.write_text("not a DICOM object")
    good = save(photo(), tmp_path / "photo.dcm")
    outcomes = send_objects([text, good], peer_of(start_receiver()), calling_ae="CAMERA")
    assert [outcome.ok for outcome in outcomes] == [False, True]
    assert (outcomes[0].words, outcomes[0].transient) == ("not a DICOM file", False)
    assert intake.outcomes == [Stored.NEW]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_truncated_object_is_not_understood_and_quarantined(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path, share: float
) -> None:
    whole = to_bytes(photo())
    head = whole.index(b"\x08\x00\x05\x00")
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[: head + int(share * (len(whole) - head))])
    receiver = start_receiver()
    assert send_one(receiver, path) == 0xC000
    ((kept, reason, caller),) = intake.quarantined
    assert (reason, caller) == ("dicom.unreadable", "CAMERA")
    assert kept.read_bytes().endswith(path.read_bytes()[head:])
    assert intake.stored == {}
    assert spooled(receiver) == []


def test_bytes_that_are_no_dataset_are_not_understood(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    whole = to_bytes(photo())
    head = whole.index(b"\x08\x00\x05\x00")
    path = tmp_path / "noise.dcm"
    path.write_bytes(whole[:head] + b"\xff\xd8 this was never a data set" * 40)
    receiver = start_receiver()
    assert send_one(receiver, path) == 0xC000
    assert len(intake.quarantined) == 1
    assert spooled(receiver) == []


def test_object_without_pixel_data_is_kept_and_marked(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    dataset = photo()
    del dataset.PixelData
    assert send_one(start_receiver(), save(dataset, tmp_path / "empty.dcm")) == 0x0000
    (versions,) = intake.stored.values()
    assert not versions[0].header.has_pixel_data


def test_other_instance_uid_than_announced_is_a_mismatch(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    receiver = start_receiver()
    status = send_as(
        receiver, path, sop_class=VLPhotographicImageStorage, sop_instance=derived_uid("another")
    )
    assert status == 0xA900
    assert [reason for _, reason, _ in intake.quarantined] == ["dicom.uid_mismatch"]
    assert intake.stored == {}


def test_other_class_than_announced_is_a_mismatch(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    dataset = photo()
    path = save(dataset, tmp_path / "photo.dcm")
    receiver = start_receiver()
    status = send_as(
        receiver, path, sop_class=SecondaryCaptureImageStorage, sop_instance=dataset.SOPInstanceUID
    )
    assert status == 0xA900
    assert len(intake.quarantined) == 1


def test_disk_under_the_mark_refuses_and_keeps_nothing(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    receiver = start_receiver(min_free_bytes=1 << 60)
    (outcome,) = send_objects([save(photo(), tmp_path / "photo.dcm")], peer_of(receiver), calling_ae="CAMERA")
    assert (outcome.status, outcome.transient) == (0xA700, True)
    assert intake.outcomes == []
    assert spooled(receiver) == []


def test_object_over_the_size_limit_is_refused_for_good(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path
) -> None:
    receiver = start_receiver(max_object_bytes=1000)
    big = save(photo(), tmp_path / "photo.dcm")
    assert [send_one(receiver, big), send_one(receiver, big)] == [0xC000, 0xC000]
    assert intake.outcomes == []
    assert spooled(receiver) == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (DatabaseAwayError("The database is away: try again."), 0xA700),
        (OSError(errno.ENOSPC, "no space left"), 0xA700),
        (RuntimeError("a fault that names nobody"), 0xA700),
        (UnwantedError("Not wanted."), 0xC000),
    ],
)
def test_failing_intake_leaves_the_object_with_its_sender(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path, failure: OSError, status: int
) -> None:
    receiver = start_receiver()
    path = save(photo(), tmp_path / "photo.dcm")
    intake.fail = failure
    assert send_one(receiver, path) == status
    assert spooled(receiver) == []
    intake.fail = None
    assert send_one(receiver, path) == 0x0000


def test_broken_transfer_leaves_nothing_in_the_spool(start_receiver: Start, intake: FolderIntake) -> None:
    receiver = start_receiver()
    with association(receiver) as opened:
        assert opened.dul.socket is not None
        connection = opened.dul.socket.socket
        assert connection is not None
        command = Dataset()
        command.CommandGroupLength = 0
        command.AffectedSOPClassUID = VLPhotographicImageStorage
        command.CommandField = 1
        command.MessageID = 1
        command.Priority = 0
        command.CommandDataSetType = 1
        command.AffectedSOPInstanceUID = derived_uid("broken")
        context = opened.accepted_contexts[0].context_id or 1
        encoded = encode(command, True, True) or b""
        for control, body in ((3, encoded), (0, b"\x08\x00" * 500)):
            item = bytes([context, control]) + body
            pdv = len(item).to_bytes(4, "big") + item
            connection.sendall(b"\x04\x00" + len(pdv).to_bytes(4, "big") + pdv)
        wait_until(lambda: len(spooled(receiver)) == 1)
        connection.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: not spooled(receiver))
        connection.close()
    assert intake.outcomes == []


def test_start_sweeps_what_a_killed_receiver_left_but_not_what_a_living_one_writes(
    start_receiver: Start, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "incoming-abandoned.part").write_bytes(b"half")
    busy = spool / "incoming-busy.part"
    busy.write_bytes(b"half")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys, time; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX);"
            "print('held', flush=True); time.sleep(60)",
            str(busy),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        receiver = start_receiver()
        assert spooled(receiver) == [busy]
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    assert busy.exists()


def test_full_disk_is_answered_and_leaves_nothing(tmp_path: Path, intake: FolderIntake) -> None:
    """A real ENOSPC in the middle of an object, on a file system that is too small for it."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    receiver = Receiver(ReceiverConfig(spool=small, host="127.0.0.1", port=0, min_free_bytes=0), intake)
    try:
        receiver.start()
        dataset = photo()
        dataset.add_new(0x00091001, "OB", bytes(200_000))
        dataset.add_new(0x00090010, "LO", "FACIALIS TEST")
        path = save(dataset, tmp_path / "big.dcm")
        assert send_one(receiver, path) == 0xA700
        assert spooled(receiver) == []
        assert send_one(receiver, path) == 0xA700
    finally:
        receiver.stop()
        subprocess.run(["umount", str(small)], check=True)
    assert intake.outcomes == []


def test_probes_that_only_connect_take_no_place(start_receiver: Start) -> None:
    receiver = start_receiver(max_associations=3)
    for _ in range(12):
        socket.create_connection(("127.0.0.1", receiver.port)).close()
    wait_until(lambda: answers(receiver))


def test_logs_name_no_patient(
    start_receiver: Start, intake: FolderIntake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    receiver = start_receiver()
    with structlog.testing.capture_logs() as logs:
        paths = save_series(tmp_path / "series", JENA9.poses[:2])
        send_objects(paths, peer_of(receiver), calling_ae="CAMERA")
        intake.fail = RuntimeError(f"duplicate key: {PATIENT.name}, {PATIENT.id}")
        send_objects(paths, peer_of(receiver), calling_ae="CAMERA")
    assert len(logs) >= 4
    text = caplog.text + "\n".join(map(str, logs))
    for secret in ("ller-L", PATIENT.id, "1960", "Änne"):
        assert secret not in text
