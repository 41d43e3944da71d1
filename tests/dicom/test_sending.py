"""Sending to real listeners: outcomes per file, and which failures may pass."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification

from dicom.building import to_bytes
from dicom.header_reading import read_header
from dicom.pixels import decode_photo
from dicom.receiver import Receiver
from dicom.sending import Peer, PeerAddressError, PeerUnavailableError, RejectedError, echo, send_objects
from dicom.standin import StandInPacs
from dicom.statuses import is_stored, is_transient, words
from dicom.tls import CertificateError, ClientTls
from dicom.uids import derived_uid
from tests.dicom.samples import STUDY_UID, measurement_report, photo, save, save_series


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[StandInPacs]:
    standin = StandInPacs(tmp_path / "pacs")
    standin.start()
    yield standin
    standin.stop()


@contextmanager
def listener(answer: Callable[[Event], int]) -> Iterator[Peer]:
    """A peer that takes photos and answers what it is told to."""
    entity = AE("PEER")
    entity.add_supported_context(photo().SOPClassUID, JPEGBaseline8Bit)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    assert server is not None
    yield Peer("PEER", "127.0.0.1", server.server_address[1])
    entity.shutdown()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("text", ["PACS@localhost:104", "MY PACS@10.0.0.1:11112", "A@[::1]:104"])
def test_address_survives_parsing(text: str) -> None:
    peer = Peer.parse(text)
    assert peer.ae_title == text.partition("@")[0]
    assert peer.port == int(text.rpartition(":")[2])


@pytest.mark.parametrize(
    "text",
    ["", "PACS", "@h:104", "PACS@h", "PACS@h:0", "PACS@h:99999", "LONGER THAN SIXTEEN@h:1", "A\\B@h:1"],
)
def test_unusable_address_is_refused(text: str) -> None:
    with pytest.raises(PeerAddressError):
        Peer.parse(text)


def test_objects_arrive_unchanged_and_each_is_reported(pacs: StandInPacs, tmp_path: Path) -> None:
    paths = save_series(tmp_path / "series")
    reported: list[tuple[Path, int]] = []
    outcomes = send_objects(
        paths,
        Peer(pacs.ae_title, "127.0.0.1", pacs.port),
        calling_ae="FACIALIS",
        on_sent=lambda path, status: reported.append((path, status)),
    )
    assert reported == [(path, 0x0000) for path in paths]
    assert [outcome.words for outcome in outcomes] == ["stored"] * 9
    for path, outcome in zip(paths, outcomes, strict=True):
        assert outcome.ok
        assert dcmread(pacs.folder / STUDY_UID / f"{outcome.sop_instance_uid}.dcm") == dcmread(path)


def test_objects_of_several_kinds_share_an_association(pacs: StandInPacs, tmp_path: Path) -> None:
    compressed = save(photo(), tmp_path / "a.dcm")
    other = photo(sop_instance_uid=derived_uid("other"))
    other.decompress(decoding_plugin="pillow", generate_instance_uid=False)
    capture = photo(sop_instance_uid=derived_uid("capture"))
    capture.SOPClassUID = SecondaryCaptureImageStorage
    paths = [compressed, save(other, tmp_path / "b.dcm"), save(capture, tmp_path / "c.dcm")]
    outcomes = send_objects(paths, Peer("STANDIN", "127.0.0.1", pacs.port), calling_ae="FACIALIS")
    assert all(outcome.ok for outcome in outcomes)
    kept = dcmread(pacs.folder / STUDY_UID / f"{derived_uid('other')}.dcm")
    assert kept.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


@pytest.mark.journey
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_peer_that_takes_no_jpeg_gets_the_same_photo_uncompressed(tmp_path: Path, syntax: UID) -> None:
    pacs = StandInPacs(tmp_path / "pacs", syntaxes=(syntax,))
    pacs.start()
    path = save(photo(), tmp_path / "photo.dcm")
    report = tmp_path / "report.dcm"
    report.write_bytes(to_bytes(measurement_report([read_header(path)])))
    sent = send_objects([path, report], Peer("STANDIN", "127.0.0.1", pacs.port), calling_ae="FACIALIS")
    pacs.stop()
    assert sent[0].words == f"stored, sent as {syntax.name}"
    assert all(outcome.ok for outcome in sent)
    kept = {dataset.SOPInstanceUID: dataset for dataset in map(dcmread, pacs.folder.rglob("*.dcm"))}
    assert {dataset.file_meta.TransferSyntaxUID for dataset in kept.values()} == {syntax}
    arrived = pacs.folder / STUDY_UID / f"{photo().SOPInstanceUID}.dcm"
    # Two decoders round colours differently.
    np.testing.assert_allclose(decode_photo(arrived).astype(int), decode_photo(path), atol=1)
    assert kept[photo().SOPInstanceUID].LossyImageCompression == "01"
    assert kept[dcmread(report).SOPInstanceUID] == dcmread(report)


def test_unusable_files_for_tls_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for unfit in (ClientTls(empty), ClientTls(tmp_path / "none"), ClientTls(None, empty)):
        with pytest.raises(CertificateError, match="PEM"):
            echo(Peer("STANDIN", "127.0.0.1", 104, unfit), "FACIALIS")


def test_kind_that_the_peer_refuses_fails_alone(tmp_path: Path) -> None:
    other = photo(sop_instance_uid=derived_uid("other"))
    other.decompress(decoding_plugin="pillow", generate_instance_uid=False)
    paths = [save(other, tmp_path / "raw.dcm"), save(photo(), tmp_path / "jpeg.dcm")]
    with listener(lambda event: 0x0000) as peer:
        refused, sent = send_objects(paths, peer, calling_ae="FACIALIS")
        only_refused = send_objects(paths[:1], peer, calling_ae="FACIALIS")
    assert sent.ok
    assert (refused.ok, refused.transient, refused.status) == (False, False, None)
    assert "does not accept" in refused.words
    assert [outcome.words for outcome in only_refused] == [refused.words]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("status", "ok", "transient"),
    [
        (0x0000, True, False),
        (0xB000, True, False),
        (0x0111, True, False),
        (0xA700, False, True),
        (0xA702, False, True),
        (0x0110, False, True),
        (0xA900, False, False),
        (0xC000, False, False),
        (0x0124, False, False),
    ],
)
def test_reply_decides_whether_to_try_again(tmp_path: Path, status: int, ok: bool, transient: bool) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    with listener(lambda event: status) as peer:
        (outcome,) = send_objects([path], peer, calling_ae="FACIALIS")
    assert (outcome.status, outcome.ok, outcome.transient) == (status, ok, transient)
    assert (is_stored(status), is_transient(status)) == (ok, transient)
    assert outcome.words == words(status) != ""


def test_association_that_breaks_leaves_the_rest_to_be_sent_again(tmp_path: Path) -> None:
    paths = save_series(tmp_path / "series")[:3]

    def hang_up(event: Event) -> int:
        if event.request.MessageID and event.request.AffectedSOPInstanceUID == derived_uid(
            "test", "photo", "BROW"
        ):
            event.assoc.abort()
        return 0x0000

    with listener(hang_up) as peer:
        outcomes = send_objects(paths, peer, calling_ae="FACIALIS", timeout=5)
    assert [(outcome.ok, outcome.transient) for outcome in outcomes] == [
        (True, False),
        (False, True),
        (False, True),
    ]


def test_peer_that_does_not_answer_in_time_is_given_up(tmp_path: Path) -> None:
    paths = save_series(tmp_path / "series")[:2]
    enough = threading.Event()

    def dawdle(event: Event) -> int:
        enough.wait(20)
        return 0x0000

    with listener(dawdle) as peer:
        outcomes = send_objects(paths, peer, calling_ae="FACIALIS", timeout=0.5)
        enough.set()
    assert [outcome.words for outcome in outcomes] == [
        "the peer did not answer",
        "the association ended before the object was sent",
    ]
    assert all(outcome.transient for outcome in outcomes)


def test_no_listener_is_transient(tmp_path: Path) -> None:
    peer = Peer("PACS", "127.0.0.1", free_port())
    with pytest.raises(PeerUnavailableError):
        send_objects([save(photo(), tmp_path / "photo.dcm")], peer, calling_ae="FACIALIS")
    with pytest.raises(PeerUnavailableError):
        echo(peer, "FACIALIS")


def test_unknown_host_is_transient() -> None:
    with pytest.raises(PeerUnavailableError):
        echo(Peer("PACS", "no-such-host.invalid", 104), "FACIALIS")


def test_busy_peer_is_transient(start_receiver: Callable[..., Receiver]) -> None:
    receiver = start_receiver(max_associations=1)
    entity = AE("CAMERA")
    entity.add_requested_context(Verification)
    first = entity.associate("127.0.0.1", receiver.port, ae_title="FACIALIS")
    with pytest.raises(PeerUnavailableError):
        echo(Peer("FACIALIS", "127.0.0.1", receiver.port), "CAMERA")
    first.release()


def test_wrong_titles_are_permanent(start_receiver: Callable[..., Receiver]) -> None:
    receiver = start_receiver(known_callers=("CAMERA",))
    with pytest.raises(RejectedError, match="Calling AE title"):
        echo(Peer("FACIALIS", "127.0.0.1", receiver.port), "STRANGER")
    with pytest.raises(RejectedError, match="Called AE title"):
        echo(Peer("NOBODY", "127.0.0.1", receiver.port), "CAMERA")


def test_peer_without_verification_fails_the_echo() -> None:
    with listener(lambda event: 0x0000) as peer, pytest.raises(RejectedError):
        echo(peer, "FACIALIS")


def test_file_that_vanished_fails_alone(pacs: StandInPacs, tmp_path: Path) -> None:
    gone = tmp_path / "gone.dcm"
    here = save(photo(), tmp_path / "here.dcm")
    outcomes = send_objects([gone, here], Peer("STANDIN", "127.0.0.1", pacs.port), calling_ae="FACIALIS")
    assert [outcome.ok for outcome in outcomes] == [False, True]
    assert outcomes[0].words == "the file is not there"


def test_nothing_to_send_needs_no_peer(tmp_path: Path) -> None:
    nobody = Peer("PACS", "127.0.0.1", 1)
    text = tmp_path / "notes.txt"
    text.write_text("no DICOM")
    assert send_objects([], nobody, calling_ae="FACIALIS") == []
    assert [outcome.ok for outcome in send_objects([text], nobody, calling_ae="FACIALIS")] == [False]
