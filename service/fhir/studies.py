"""ImagingStudy: a recording as the photo series that it is."""

from dicom.headers import PhotoHeader
from service.fhir.coding import (
    SYSTEMS,
    URIS,
    Refer,
    Resource,
    filled,
    meta,
    relative,
    terminology,
    uid_identifier,
)
from service.records.models import Photo, Recording

MODALITY = "XC"
"""What photos without a modality are: external-camera photography."""


def imaging_study_resource(recording: Recording, refer: Refer = relative) -> Resource:
    """A recording, with its photos loaded, as a study of the one series that was received.

    The start is a day: the camera's clock is known, but not its zone.
    """
    headers = [PhotoHeader.from_json(photo.header) for photo in recording.photos]
    accession = next((header.accession_number for header in headers if header.accession_number), None)
    instances = [_instance(photo, header) for photo, header in zip(recording.photos, headers, strict=True)]
    modality = next((header.modality for header in headers if header.modality), MODALITY)
    coded = {"system": SYSTEMS["DCM"], "code": modality}
    return filled({
        "resourceType": "ImagingStudy",
        "id": str(recording.id),
        "meta": meta(max(recording.state_changed_at, recording.last_received_at)),
        "identifier": [
            uid_identifier(recording.study_uid),
            *([_accession(accession)] if accession else []),
        ],
        "status": "available",
        "modality": [coded],
        "subject": _subject(recording, refer),
        "started": recording.recorded_at and recording.recorded_at.date().isoformat(),
        "numberOfSeries": 1,
        "numberOfInstances": len(instances),
        "series": [
            filled({
                "uid": recording.series_uid,
                "modality": coded,
                "numberOfInstances": len(instances),
                "instance": instances,
            })
        ],
    })  # fmt: skip


def _subject(recording: Recording, refer: Refer) -> Resource:
    """The patient; where the photos name none, that is said in words, since a study must have a subject."""
    if recording.patient_key is None:
        return {"display": "The photos name no patient"}
    return {"reference": refer("Patient", str(recording.patient_key))}


def _instance(photo: Photo, header: PhotoHeader) -> Resource:
    return filled({
        "uid": photo.sop_instance_uid,
        "sopClass": {"system": URIS, "code": f"urn:oid:{header.sop_class_uid}"},
        "number": header.instance_number,
        "title": photo.pose,
    })  # fmt: skip


def _accession(number: str) -> Resource:
    return {"type": terminology("v2-0203", "ACSN", "Accession ID"), "value": number}
