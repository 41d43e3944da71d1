"""Phantom patients as DICOM objects, as a camera would send them."""

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from pydicom import Dataset

from dicom.photographic import PatientIdentity, photographic_object
from dicom.uids import derived_uid
from grading.phantom import PhantomPatient, PhantomRecording, draw_series
from grading.protocols import JENA9

DEVICE = "Facialis phantom"
ISSUER = "FACIALIS-PHANTOM"
JPEG_QUALITY = 92


def series_uid(patient: PhantomPatient, recording: PhantomRecording) -> str:
    """The Series Instance UID of a phantom's recording: the same phantom, the same UID."""
    return derived_uid("phantom series", patient.id, str(recording.number))


def photo_objects(patient: PhantomPatient, recording: PhantomRecording) -> Iterator[Dataset]:
    """The photos of one recording as VL Photographic Image objects, in the order of the protocol."""
    photos = draw_series(patient, recording)
    series = series_uid(patient, recording)
    for pose in JENA9.poses:
        buffer = io.BytesIO()
        Image.fromarray(photos[pose.code]).save(buffer, "JPEG", quality=JPEG_QUALITY)
        yield photographic_object(
            buffer.getvalue(),
            patient=PatientIdentity(
                id=patient.id,
                issuer=ISSUER,
                name=f"{patient.family_name}^{patient.given_name}",
                birth_date=patient.birth_date,
                sex=patient.sex,
            ),
            study_uid=derived_uid("phantom study", patient.id, str(recording.number)),
            series_uid=series,
            sop_instance_uid=derived_uid("phantom photo", series, pose.code),
            pose=pose,
            taken_at=recording.recorded_at,
            device=DEVICE,
        )


def write_dicom(out: Path, patient: PhantomPatient) -> None:
    """Write all recordings of a phantom as DICOM files, ``<patient>/<recording>/<n>.dcm``."""
    for recording in patient.recordings:
        folder = out / patient.id / str(recording.number)
        folder.mkdir(parents=True, exist_ok=True)
        write_recording(folder, patient, recording)


def write_recording(folder: Path, patient: PhantomPatient, recording: PhantomRecording) -> list[Path]:
    """Write one recording as the DICOM files ``<n>.dcm`` of a folder, which are given in this order."""
    files = []
    for number, dataset in enumerate(photo_objects(patient, recording), start=1):
        files.append(folder / f"{number}.dcm")
        dataset.save_as(files[-1], enforce_file_format=True)
    return files
