"""The objects that Facialis makes, attribute by attribute, found by making each of them twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom.codes import item_code
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.headers import PhotoHeader
from dicom.photographic import PatientIdentity, photographic_object
from dicom.secondary_capture import Picture, secondary_capture
from dicom.sources import Predecessor, copy_patient_and_study
from dicom.structured_report import Algorithm, MeasuredScore, structured_report
from dicom.timepoints import Timepoint, add_timepoint
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS
from service.documents import MAPS_TITLE

_PHOTO = PhotoHeader(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.77.1.4",
    sop_instance_uid="1.1",
    series_uid="1.2",
    study_uid="1.3",
    patient_id="ID",
    issuer="Issuer",
    patient_name="Name",
    birth_date=date(1970, 1, 1),
    sex="F",
    study_date=date(2026, 1, 1),
    study_time=time(10),
    study_description="Study",
    modality="XC",
    acquired_at=datetime(2026, 1, 1, 10),
    rows=100,
    columns=80,
)


def tables() -> dict[str, list[str]]:
    """By the name of its SOP class, each made object's attributes as rows of a table."""
    makers: tuple[Callable[[int], Dataset], ...] = (_photo, _pdf, _sr, _maps)
    return {maker(1).SOPClassUID.name: _rows(maker(1), maker(2)) for maker in makers}


def _photo(number: int) -> Dataset:
    picture = BytesIO()
    Image.new("RGB", (64 * number, 48 * number)).save(picture, "JPEG")
    return photographic_object(
        picture.getvalue(),
        patient=PatientIdentity(f"ID {number}", f"Issuer {number}", f"Name {number}", sex="MF"[number - 1]),
        study_uid=f"1.{number}.1",
        series_uid=f"1.{number}.2",
        sop_instance_uid=f"1.{number}.3",
        pose=JENA9.poses[number],
        taken_at=datetime(2026, 1, number, 10, number),
        device=f"Camera {number}",
        timepoint=Timepoint(90),
    )


def _pdf(number: int) -> Dataset:
    return encapsulated_pdf(
        b"%PDF" * number,
        sources=[_header(number)],
        title=f"Title {number}",
        sop_instance_uid=f"1.{number}.3",
        series_uid=f"1.{number}.4",
        created_at=datetime(2026, 2, number, 11, number),
        timepoint=Timepoint(90),
        predecessor=_earlier(number),
        software_version=f"Version {number}",
    )


def _sr(number: int) -> Dataset:
    item, photo = PREDICTED_ITEMS[number], _header(number)
    return structured_report(
        [MeasuredScore(item_code(item), 90 + number, item.low, item.high, item.normal, (photo,))],
        sources=[photo],
        algorithm=Algorithm(f"Bundle {number}", "1", "0" * 64),
        sop_instance_uid=f"1.{number}.3",
        series_uid=f"1.{number}.4",
        created_at=datetime(2026, 2, number, 11, number),
        side="LR"[number - 1],
        timepoint=Timepoint(90),
        predecessor=_earlier(number),
        software_version=f"Version {number}",
    )


def _maps(number: int) -> Dataset:
    shown = np.full((16 * number, 24, 3), 120, np.uint8)
    return secondary_capture(
        [Picture(shown, f"Item {number}")] * (number + 1),
        sources=[_header(number)],
        description=MAPS_TITLE,
        sop_instance_uid=f"1.{number}.3",
        series_uid=f"1.{number}.4",
        created_at=datetime(2026, 2, number, 11, number),
        timepoint=Timepoint(90),
        software_version=f"Version {number}",
    )


def _header(number: int) -> PhotoHeader:
    return replace(_PHOTO, sop_instance_uid=f"1.{number}.1", acquired_at=datetime(2026, 1, number, 10))


def _earlier(number: int) -> Predecessor:
    return Predecessor("1.2.840.10008.5.1.4.1.1.88.22", f"1.{number}.7", f"1.{number}.8", f"1.{number}.9")


def _rows(one: Dataset, other: Dataset) -> list[str]:
    copied, placed = Dataset(), Dataset()
    if one.Modality != "XC":
        copy_patient_and_study(_PHOTO, copied)
    add_timepoint(placed, Timepoint(90))
    rows = []
    for element in one:
        if element.tag in copied:
            value = "as in the photos"
        elif element.tag in placed:
            value = "from the surgery on record; absent where there is none"
        else:
            value = _value(element, other)
        rows.append(f"| {element.tag} | {element.name} | {element.VR} | {value} |")
    return rows


def _value(element: DataElement, other: Dataset) -> str:
    same = element.tag in other and other[element.tag].value == element.value
    if not same:
        return "of each object"
    if element.VR == "SQ":
        items = (", ".join(str(each.value) for each in item) for item in element.value)
        return "; ".join(f"`{item}`" for item in items) or "empty"
    values = element.value if element.VM > 1 else [element.value]
    text = "\\".join(str(value) for value in values)
    return f"`{text}`" if text else "empty"
