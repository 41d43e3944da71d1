"""The photos that are sent."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks.report import photo as noisy_photo
from dicom.building import to_bytes
from dicom.photographic import PatientIdentity, photographic_object
from dicom.uids import derived_uid
from grading.protocols import JENA9

TAKEN_AT = datetime(2026, 3, 1, 10)


def make_photos(folder: Path, count: int, megabytes: float) -> list[Path]:
    """``count`` photo objects of different UIDs, nine to a series."""
    rng = np.random.default_rng(0)
    jpeg = noisy_photo(rng)
    # After the end of the image a decoder reads no further: the photo's size without minutes of encoding.
    jpeg += bytes(max(0, int(megabytes * 1e6) - len(jpeg)))
    paths = []
    for number in range(count):
        series, pose = divmod(number, len(JENA9.poses))
        dataset = photographic_object(
            jpeg,
            patient=PatientIdentity(f"BENCH-{series}", "", f"Benchmark^{series}", None, "O"),
            study_uid=derived_uid(str(folder), "study", str(series)),
            series_uid=derived_uid(str(folder), "series", str(series)),
            sop_instance_uid=derived_uid(str(folder), "photo", str(number)),
            pose=JENA9.poses[pose],
            taken_at=TAKEN_AT + timedelta(seconds=number),
            device="benchmark",
        )
        paths.append(folder / f"{number}.dcm")
        paths[-1].write_bytes(to_bytes(dataset))
    return paths


def make_large(folder: Path, megabytes: int) -> Path:
    """One uncompressed photo object of so many megabytes."""
    (template,) = make_photos(folder, 1, 0)
    dataset = dcmread(template)
    rows = megabytes * 1_000_000 // (3 * 10_000)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PhotometricInterpretation = "RGB"
    dataset.Rows, dataset.Columns = rows, 10_000
    dataset.add_new("PixelData", "OB", bytes(rows * 30_000))
    template.write_bytes(to_bytes(dataset))
    return template
