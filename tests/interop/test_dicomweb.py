"""We store to Orthanc's DICOMweb plugin, and it holds what we meant."""

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom.header_reading import read_header
from dicom.peers import PeerUnavailableError, RejectedError
from dicom.uids import derived_uid
from dicom.web import WebPeer, check, store_objects
from tests.dicom.samples import STUDY_UID, measurement_report, photo, save, save_series
from tests.interop.conftest import Orthanc, free_port

pytestmark = pytest.mark.interop


def test_objects_come_back_as_they_were_stored(orthanc: Orthanc, tmp_path: Path) -> None:
    series = save_series(tmp_path / "series")
    report = measurement_report(
        [read_header(path) for path in series], sop_instance_uid=derived_uid("stow", "report")
    )
    paths = [*series, save(report, tmp_path / "sr.dcm")]
    check(orthanc.web)
    assert [outcome.words for outcome in store_objects(paths, orthanc.web)] == ["stored"] * 10
    again = store_objects(paths, orthanc.web)
    assert all(outcome.ok for outcome in again)
    for path, outcome in zip(paths, again, strict=True):
        (found,) = orthanc.rest.post("/tools/lookup", content=outcome.sop_instance_uid).json()
        assert dcmread(BytesIO(orthanc.rest.get(f"{found['Path']}/file").content)) == dcmread(path)
    (study,) = orthanc.rest.post("/tools/lookup", content=STUDY_UID).json()
    assert study["Type"] == "Study"


def test_a_file_that_is_no_dicom_fails_alone(orthanc: Orthanc, tmp_path: Path) -> None:
    unreadable = tmp_path / "text.dcm"
    unreadable.write_text("no DICOM")
    outcomes = store_objects([unreadable, save(photo(), tmp_path / "photo.dcm")], orthanc.web)
    assert [(outcome.ok, outcome.transient) for outcome in outcomes] == [(False, False), (True, False)]


def test_a_wrong_password_is_permanent_and_an_absent_server_is_not(orthanc: Orthanc, tmp_path: Path) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    with pytest.raises(RejectedError, match="401"):
        store_objects([path], WebPeer(orthanc.web.url, "facialis", "wrong"))
    with pytest.raises(PeerUnavailableError):
        store_objects([path], WebPeer(f"http://127.0.0.1:{free_port()}/dicom-web"))
