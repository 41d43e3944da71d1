"""What ``facialis send`` sends: DICOM files as they are, plain photos as a series made for them."""

import datetime as dt
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from dicom.photographic import PatientIdentity, photographic_object
from dicom.uids import derived_uid
from grading.errors import PermanentError
from grading.photos import SUFFIXES, load_series
from grading.protocols import PROTOCOLS
from service.offline import DICOM_SUFFIXES
from service.settings import load_settings

JPEG_QUALITY = 95


class NothingToSendError(PermanentError):
    """The paths hold nothing that can be sent as given."""

    code = "send.nothing"


def collect_objects(
    paths: Sequence[Path], work: Path, patient_id: str, name: str, taken: dt.datetime | None
) -> list[Path]:
    """DICOM files to send; those made for a folder of photos are written to ``work``.

    Raises:
        NothingToSendError: a path is missing or empty, or a folder of photos came without patient and date.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_file():
            files.append(path)
        elif not path.is_dir():
            raise NothingToSendError(f"{path} does not exist: give DICOM files or folders")
        elif any(file.suffix.lower() in SUFFIXES for file in path.iterdir()):
            if not patient_id or taken is None:
                raise NothingToSendError(
                    f"{path} holds plain photos: say whose and when by --patient and --taken"
                )
            files += series_objects(path, work / str(len(files)), patient_id, name, taken)
        else:
            found = sorted(
                file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in DICOM_SUFFIXES
            )
            if not found:
                raise NothingToSendError(f"{path} holds neither DICOM files nor photos 1.jpg to 9.jpg")
            files += found
    return files


def series_uid(patient_id: str, taken: dt.datetime) -> str:
    """The series that photos of a patient and a time are sent as."""
    return derived_uid("sent series", patient_id, taken.isoformat())


def series_objects(folder: Path, work: Path, patient_id: str, name: str, taken: dt.datetime) -> list[Path]:
    """One VL Photographic object per photo. The same photos of the same patient and day get the same UIDs."""
    protocol = PROTOCOLS[load_settings().protocol]
    photos = load_series(folder, protocol)
    work.mkdir(parents=True)
    series = series_uid(patient_id, taken)
    files = []
    for pose in protocol.poses:
        if pose.code not in photos:
            continue
        buffer = io.BytesIO()
        Image.fromarray(photos[pose.code]).save(buffer, "JPEG", quality=JPEG_QUALITY)
        jpeg = buffer.getvalue()
        dataset = photographic_object(
            jpeg,
            patient=PatientIdentity(id=patient_id, issuer="", name=name, birth_date=None, sex=""),
            study_uid=derived_uid("sent study", patient_id, taken.isoformat()),
            series_uid=series,
            sop_instance_uid=derived_uid("sent photo", series, pose.code, hashlib.sha256(jpeg).hexdigest()),
            pose=pose,
            taken_at=taken,
            device="facialis send",
        )
        file = work / f"{pose.number}.dcm"
        dataset.save_as(file, enforce_file_format=True)
        files.append(file)
    return files
