"""Records of a clinic for the tests: patients, surgeries, recordings and gradings, none of them computed."""

import datetime as dt
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from pydicom.uid import VLPhotographicImageStorage
from sqlalchemy.orm import Session

from dicom.headers import PhotoHeader
from grading.bundle import COMMISSIONING_BUNDLE, describe_bundle, load_bundle
from grading.contributions import Contributions, Part
from grading.framing import VIEW
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS
from service.kept_maps import keep_maps
from service.records.gradings import save_grading
from service.records.models import (
    Bundle,
    Delivery,
    DeliveryState,
    Grading,
    Patient,
    Photo,
    Recording,
    RecordingState,
    Report,
    Surgery,
)
from service.records.timepoints import link_surgeries
from service.storage import FolderStorage
from tests.service.samples import result

SURGERY_DAY = dt.date(2024, 3, 12)
ARRIVED = dt.datetime(2026, 1, 7, 9, 30, tzinfo=dt.UTC)
PDF = b"%PDF-1.7 a report"


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (VIEW.width, VIEW.height), (90, 120, 150)).save(buffer, "JPEG")
    return buffer.getvalue()


JPEG = _jpeg()
"""The view of a photo."""


@dataclass
class Clinic:
    """Fills the records with what pages, interfaces and documents are to show."""

    session: Session
    storage: FolderStorage
    count: int = 0

    def uid(self) -> str:
        self.count += 1
        return f"1.2.3.{self.count}"

    def patient(self, name: str, patient_id: str) -> Patient:
        patient = Patient(patient_id=patient_id, name=name, birth_date=dt.date(1971, 5, 4), sex="F")
        self.session.add(patient)
        self.session.flush()
        return patient

    def surgery(self, patient: Patient) -> None:
        self.session.add(
            Surgery(patient_key=patient.id, performed_on=SURGERY_DAY, procedure="Jump anastomosis", side="L")
        )
        link_surgeries(self.session, patient)

    def bundle(self, name: str, *, commissioning: bool = True) -> Bundle:
        errors = [{"item": item.id, "group": "patients", "mae": 17.0} for item in PREDICTED_ITEMS]
        measured = [*(item.id for item in PREDICTED_ITEMS), "static", "dynamic"]
        uncertainties = [{"score": name, "mdc": 25.0} for name in measured]
        bundle = Bundle(
            hash=name.rjust(64, "0"),
            name=name,
            version="1",
            manifest={
                "commissioning": commissioning,
                "notice": "Commissioning model: not for clinical use.",
                "errors": errors,
                "uncertainties": uncertainties,
                "backbone": {"name": "network", "layer": "last"},
                "training": [],
                "created": "2026-01-02",
            },
        )
        self.session.add(bundle)
        self.session.flush()
        return bundle

    def recording(
        self,
        patient: Patient | None,
        day: dt.date | None,
        state: RecordingState,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> Recording:
        recording = Recording(
            series_uid=self.uid(),
            study_uid=self.uid(),
            patient_key=patient.id if patient else None,
            protocol=JENA9.id,
            recorded_at=dt.datetime.combine(day, dt.time(10)) if day else None,
            state=state,
            reason=reason,
            reason_code=reason_code,
            first_received_at=ARRIVED,
            last_received_at=ARRIVED,
            state_changed_at=ARRIVED,
        )
        self.session.add(recording)
        self.session.flush()
        return recording

    def photos(self, recording: Recording) -> list[Photo]:
        self.storage.write("views/view.jpg", JPEG)
        photos = []
        for pose in JENA9.poses:
            header = PhotoHeader(
                sop_class_uid=VLPhotographicImageStorage,
                sop_instance_uid=self.uid(),
                series_uid=recording.series_uid,
                study_uid=recording.study_uid,
                instance_number=pose.number,
                accession_number="ACC-1",
                modality="XC",
            )
            photos.append(
                Photo(
                    recording_key=recording.id,
                    sop_instance_uid=header.sop_instance_uid,
                    sha256="0" * 64,
                    size=1,
                    storage_key="objects/one.dcm",
                    header=header.to_json(),
                    pose=pose.code,
                    view_key="views/view.jpg",
                    calling_ae="CAMERA",
                    received_at=ARRIVED,
                    last_seen_at=ARRIVED,
                )
            )
        self.session.add_all(photos)
        self.session.flush()
        return photos

    def grade(
        self, recording: Recording, bundle: Bundle, score: float, flags: tuple[str, ...] = ()
    ) -> Grading:
        uid = self.uid()
        save_grading(self.session, uid, recording.id, bundle.id, result(score, flags=flags), flags)
        self.session.flush()
        return self.session.query(Grading).filter_by(uid=uid).one()

    def report(self, grading: Grading, state: DeliveryState, answer: str) -> None:
        self.storage.write("reports/one.pdf", PDF)
        delivery = Delivery(destination="Main PACS", state=state, answer=answer, created_at=ARRIVED)
        self.session.add(
            Report(
                grading_key=grading.id,
                kind="pdf",
                sop_instance_uid=self.uid(),
                document_key="reports/one.pdf",
                object_key="reports/one.dcm",
                created_at=ARRIVED,
                deliveries=[delivery],
            )
        )

    def map_of_the_smile(self, grading: Grading, points: float) -> None:
        """What made the score of M4: as many points at every place of the photo of the smile."""
        for photo in grading.recording.photos:
            photo.face = {"left": 10, "top": 10, "right": 90, "bottom": 90}
            photo.eyes = {"right": [30.0, 40.0], "left": [70.0, 40.0]}
        recipe = describe_bundle(load_bundle(COMMISSIONING_BUNDLE))["recipe"]
        grading.bundle.manifest = grading.bundle.manifest | {"recipe": recipe}
        found = Contributions("M4", 100.0, True, (Part("movement", "SMILE", np.full((2, 22, 10), points)),))
        grading.maps_key = keep_maps(self.storage, grading.uid, [found])
