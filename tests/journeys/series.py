"""Photo series that the journeys send: phantoms, whole or spoilt."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from dicom.building import to_bytes
from dicom.photographic import PatientIdentity, photographic_object
from dicom.uids import derived_uid
from grading.phantom import draw_series, phantom_patient
from grading.protocols import JENA9

Pixels = NDArray[np.uint8]
FAMILY_NAME = "Phantomias-Zweifel"


def photos(seed: int) -> dict[str, Pixels]:
    """The first recording of a phantom."""
    patient = phantom_patient(seed, recordings=1)
    return draw_series(patient, patient.recordings[0])


def series_uid(name: str) -> str:
    return derived_uid("journey series", name)


def write_series(
    folder: Path,
    name: str,
    pictures: dict[str, Pixels],
    spoil: Callable[[int, Dataset], Dataset | None] = lambda _, dataset: dataset,
) -> list[Path]:
    """DICOM files of a series; ``spoil`` may change each object by its number or leave it out."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    patient = phantom_patient(1)
    for pose in JENA9.poses:
        buffer = io.BytesIO()
        Image.fromarray(pictures[pose.code]).save(buffer, "JPEG", quality=90)
        dataset = photographic_object(
            buffer.getvalue(),
            patient=PatientIdentity(id=f"JOURNEY-{name}", name=f"{FAMILY_NAME}^Änne"),
            study_uid=derived_uid("journey study", name),
            series_uid=series_uid(name),
            sop_instance_uid=derived_uid("journey photo", name, pose.code),
            pose=pose,
            taken_at=patient.recordings[0].recorded_at,
            device="Journey camera",
        )
        changed = spoil(pose.number, dataset)
        if changed is not None:
            file = folder / f"{pose.number}.dcm"
            file.write_bytes(to_bytes(changed))
            files.append(file)
    return files
