"""We send to other toolkits, and they hold what we meant."""

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from highdicom.sr import EnhancedSR
from PIL import Image
from pydicom import dcmread

from dicom.building import to_bytes
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.header_reading import read_header
from dicom.sending import Peer, PeerUnavailableError, RejectedError, echo, send_objects
from dicom.timepoints import Timepoint
from dicom.tls import ClientTls
from dicom.uids import CODING_SCHEME, derived_uid
from tests.dicom.samples import PATIENT, STUDY_UID, TAKEN_AT, maps, measurement_report, save, save_series
from tests.interop.conftest import Orthanc, free_port, listens, program, wait_for

pytestmark = pytest.mark.interop

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    return save_series(tmp_path / "series")


@pytest.fixture
def report(series: list[Path], tmp_path: Path) -> Path:
    dataset = encapsulated_pdf(
        PDF,
        sources=[read_header(path) for path in series],
        title="eFACE report",
        sop_instance_uid=derived_uid("interop", "report"),
        series_uid=derived_uid("interop", "report series"),
        created_at=TAKEN_AT,
        timepoint=Timepoint(90),
    )
    path = tmp_path / "report.dcm"
    path.write_bytes(to_bytes(dataset))
    return path


def test_dcmtk_stores_photos_and_report_as_they_are(
    storescp: tuple[Peer, Path], series: list[Path], report: Path
) -> None:
    peer, folder = storescp
    echo(peer, "FACIALIS")
    outcomes = send_objects([*series, report], peer, calling_ae="FACIALIS")
    assert all(outcome.ok for outcome in outcomes)
    kept = {dataset.SOPInstanceUID: dataset for dataset in map(dcmread, folder.iterdir())}
    assert len(kept) == 10
    for path in [*series, report]:
        sent = dcmread(path)
        assert kept[sent.SOPInstanceUID] == sent
        assert kept[sent.SOPInstanceUID].file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID


def test_orthanc_files_the_report_under_the_photos_patient_and_study(
    orthanc: Orthanc, series: list[Path], report: Path
) -> None:
    outcomes = send_objects([*series, report, report], orthanc.peer, calling_ae="FACIALIS")
    assert all(outcome.ok for outcome in outcomes)
    assert len(orthanc.rest.get("/patients").json()) == 1
    (study,) = orthanc.rest.post("/tools/lookup", content=STUDY_UID).json()
    about = orthanc.rest.get(study["Path"]).json()
    assert about["PatientMainDicomTags"]["PatientID"] == PATIENT.id
    assert about["PatientMainDicomTags"]["PatientName"] == PATIENT.name
    (found,) = orthanc.rest.post("/tools/lookup", content=derived_uid("interop", "report")).json()
    assert orthanc.rest.get(f"{found['Path']}/content/0042-0011").content[: len(PDF)] == PDF
    assert orthanc.rest.get(f"{found['Path']}/pdf").content == PDF
    assert orthanc.rest.get(f"{found['Path']}/study").json()["ID"] == study["ID"]
    tags = orthanc.rest.get(f"{found['Path']}/simplified-tags").json()
    assert tags["LongitudinalTemporalOffsetFromEvent"] == "90"
    assert len(tags["SourceInstanceSequence"]) == 9


def test_structured_report_comes_back_from_orthanc_as_it_was_sent(
    orthanc: Orthanc, series: list[Path], tmp_path: Path
) -> None:
    dataset = measurement_report(
        [read_header(path) for path in series], timepoint=Timepoint(90), side="R", flags=["clipped.M4"]
    )
    path = save(dataset, tmp_path / "sr.dcm")
    outcomes = send_objects([*series, path, path], orthanc.peer, calling_ae="FACIALIS")
    assert all(outcome.ok for outcome in outcomes)
    (found,) = orthanc.rest.post("/tools/lookup", content=dataset.SOPInstanceUID).json()
    kept = dcmread(BytesIO(orthanc.rest.get(f"{found['Path']}/file").content))
    assert kept == dcmread(path)
    (group,) = EnhancedSR.from_dataset(kept).content.get_image_measurement_groups()
    scores = [m for m in group.get_measurements() if m.name.scheme_designator == CODING_SCHEME]
    assert len(scores) == 16
    (study,) = orthanc.rest.post("/tools/lookup", content=STUDY_UID).json()
    assert orthanc.rest.get(f"{found['Path']}/study").json()["ID"] == study["ID"]


def test_maps_come_back_from_orthanc_as_they_were_sent(
    orthanc: Orthanc, series: list[Path], tmp_path: Path
) -> None:
    dataset = maps([read_header(path) for path in series])
    path = save(dataset, tmp_path / "maps.dcm")
    assert all(outcome.ok for outcome in send_objects([*series, path], orthanc.peer, calling_ae="FACIALIS"))
    (found,) = orthanc.rest.post("/tools/lookup", content=dataset.SOPInstanceUID).json()
    kept = dcmread(BytesIO(orthanc.rest.get(f"{found['Path']}/file").content))
    assert kept == dcmread(path)
    assert kept.pixel_array.shape == (12, 64, 96, 3)
    # Orthanc decodes each frame for its viewer.
    frames = orthanc.rest.get(f"{found['Path']}/frames").json()
    assert len(frames) == 12
    shown = Image.open(BytesIO(orthanc.rest.get(f"{found['Path']}/frames/5/preview").content))
    assert shown.size == (96, 64)
    assert abs(int(np.asarray(shown.convert("L"))[32, 48]) - 100) <= 4


def test_orthanc_rejects_titles_that_it_does_not_know(orthanc: Orthanc) -> None:
    echo(orthanc.peer, "FACIALIS")
    with pytest.raises(RejectedError):
        echo(Peer("SOMEBODY", orthanc.peer.host, orthanc.peer.port), "FACIALIS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=Test", "-days", "2",
        "-addext", "subjectAltName=IP:127.0.0.1",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def test_dcmtk_over_tls_is_checked_and_sees_our_certificate(
    tmp_path: Path, series: list[Path], certificate: tuple[Path, Path]
) -> None:
    port = free_port()
    own, key = (str(path) for path in certificate)
    command = [
        program("storescp"), "-aet", "DCMTK", "+xa", "-od", str(tmp_path), "+tls", key, own,
        "+cf", own, "-rc", str(port),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port), process)
        known = Peer("DCMTK", "127.0.0.1", port, ClientTls(certificate[0], *certificate))
        assert all(outcome.ok for outcome in send_objects(series, known, calling_ae="FACIALIS"))
        for unfit in (None, ClientTls(), ClientTls(certificate[0])):
            with pytest.raises(PeerUnavailableError):
                echo(Peer("DCMTK", "127.0.0.1", port, unfit), "FACIALIS", timeout=3)
        # What was refused harmed nothing.
        echo(known, "FACIALIS")
    finally:
        process.terminate()
        process.wait(10)
