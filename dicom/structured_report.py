"""A grading as a structured report: TID 1500 Measurement Report (PS3.16) in an Enhanced SR object.

One measurement group (TID 1501) holds every item and sub-score as a number (TID 300) with the bounds of its
scale, the photos that it was read from and, where known, its prediction interval as upper and lower
uncertainty; around them the affected side as laterality of the finding site, the time point (TID 1502), the
algorithm (TID 4019) and the quality flags. A score that is not there is left out, never written as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    EnhancedSR,
    FindingSite,
    LongitudinalTemporalOffsetFromEvent,
    Measurement,
    MeasurementProperties,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    TimePointContext,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as published
from pydicom.sr.coding import Code
from pydicom.uid import EnhancedSRStorage, ExplicitVRLittleEndian

from dicom import codes
from dicom.building import declare_coding_scheme, new_object
from dicom.headers import PhotoHeader
from dicom.sources import Predecessor, Verifier, check_sources, copy_patient_and_study, name_predecessor
from dicom.timepoints import Timepoint, add_timepoint
from dicom.uids import derived_uid

SERIES_NUMBER = 901
_DECIMALS = 2


@dataclass(frozen=True)
class MeasuredScore:
    """One score in points, with the bounds of its scale.

    ``normal`` is a balanced face's score. ``interval`` is a prediction interval that contains ``value``.
    ``photos`` are those that the score was read from.
    """

    code: Code
    value: float
    low: float
    high: float
    normal: float
    photos: tuple[PhotoHeader, ...]
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Algorithm:
    """What graded: a bundle by name, version and SHA-256, and how to repeat it."""

    name: str
    version: str
    hash: str
    parameters: tuple[str, ...] = ()


def structured_report(
    scores: Sequence[MeasuredScore],
    *,
    sources: Sequence[PhotoHeader],
    algorithm: Algorithm,
    sop_instance_uid: str,
    series_uid: str,
    created_at: datetime,
    side: str | None = None,
    flags: Sequence[str] = (),
    timepoint: Timepoint | None = None,
    predecessor: Predecessor | None = None,
    verifier: Verifier | None = None,
    series_description: str = "Facial palsy measurements",
    software_version: str = "",
) -> Dataset:
    """The report as a data set with file meta, ready for `dicom.building.to_bytes`.

    ``sources`` are the graded photos, all of one patient and study. ``side`` is the affected side that the
    grading assumed, "L" or "R" of the patient. ``flags`` are the grading's, see `dicom.codes.flag_codes`. The
    same arguments give the same bytes. Without a ``verifier``, a clinician who signed it off, the report is
    marked UNVERIFIED.

    Raises `ReportSourcesError`.
    """
    first = check_sources(sources)
    evidence = [_evidence(photo) for photo in sources]
    identification = AlgorithmIdentification(
        name=algorithm.name,
        version=algorithm.version,
        parameters=[*algorithm.parameters, f"bundle SHA-256 {algorithm.hash}"],
        family=published.DCM.ArtificialIntelligence,
        manufacturer="Facialis",
    )
    group = MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(
            uid=derived_uid("tracked face", first.issuer, first.patient_id), identifier=codes.METHOD.meaning
        ),
        time_point_context=_time_point_context(timepoint),
        finding_type=codes.FACIAL_PALSY,
        method=codes.METHOD,
        algorithm_id=identification,
        finding_sites=[FindingSite(codes.FACE, laterality=codes.SIDES[side] if side else None)],
        measurements=[_measurement(score, identification) for score in scores],
        qualitative_evaluations=[_flag(flag) for flag in flags],
    )
    observer = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", algorithm.hash),
        name="Facialis",
        manufacturer_name="Facialis",
        model_name=f"{algorithm.name} {algorithm.version}",
    )
    content = MeasurementReport(
        ObservationContext(observer_device_context=ObserverContext(published.DCM.Device, observer)),
        procedure_reported=codes.PROCEDURE,
        imaging_measurements=[group],
        title=published.DCM.ImagingMeasurementReport,
        referenced_images=evidence,
    )
    dataset = EnhancedSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=sop_instance_uid,
        instance_number=1,
        manufacturer="Facialis",
        manufacturer_model_name="Facialis",
        is_complete=True,
        series_description=series_description,
        content_date=created_at.date(),
        content_time=created_at.time(),
        series_date=created_at.date(),
        series_time=created_at.time(),
    )
    if software_version:
        dataset.SoftwareVersions = software_version
    copy_patient_and_study(first, dataset)
    add_timepoint(dataset, timepoint)
    declare_coding_scheme(dataset)
    name_predecessor(dataset, predecessor)
    _verify(dataset, verifier)
    _stamp(dataset, sop_instance_uid, created_at)
    return dataset


def _verify(dataset: Dataset, verifier: Verifier | None) -> None:
    """Say who signed the report off (PS3.3 C.17.2); nothing for None.

    The library would write this moment's clock instead of the moment of signing.
    """
    if verifier is None:
        return
    observer = Dataset()
    # "=" and a backslash would begin another name; 64 characters are what a name may have.
    observer.VerifyingObserverName = verifier.name.replace("=", " ").replace("\\", " ")[:64]
    observer.VerifyingOrganization = verifier.organization.replace("\\", " ")[:64]
    observer.VerificationDateTime = f"{verifier.at:%Y%m%d%H%M%S%z}"
    observer.VerifyingObserverIdentificationCodeSequence = []
    dataset.VerificationFlag = "VERIFIED"
    dataset.VerifyingObserverSequence = [observer]


def _stamp(dataset: Dataset, sop_instance_uid: str, created_at: datetime) -> None:
    """Our character set, moment of creation and file meta, in place of the library's and of the clock's."""
    own = new_object(EnhancedSRStorage, ExplicitVRLittleEndian, sop_instance_uid, created_at)
    dataset.update(own)
    del dataset.ContributingEquipmentSequence  # the library's version and this moment's clock
    dataset.file_meta = own.file_meta


def _evidence(photo: PhotoHeader) -> Dataset:
    """What the library asks of a source image: identity, kind and size."""
    dataset = Dataset()
    copy_patient_and_study(photo, dataset)
    # The library refuses some sexes, and warns of some names by the name itself: the report gets them later.
    dataset.PatientSex = dataset.PatientName = ""
    dataset.SOPClassUID = photo.sop_class_uid
    dataset.SOPInstanceUID = photo.sop_instance_uid
    dataset.SeriesInstanceUID = photo.series_uid
    dataset.Modality = photo.modality
    dataset.Rows = photo.rows
    dataset.Columns = photo.columns
    return dataset


def _time_point_context(timepoint: Timepoint | None) -> TimePointContext | None:
    if timepoint is None:
        return None
    kind = None
    if timepoint.days != 0:
        kind = codes.BEFORE_SURGERY if timepoint.days < 0 else codes.AFTER_SURGERY
    return TimePointContext(
        time_point=timepoint.id,
        time_point_type=kind,
        temporal_offset_from_event=LongitudinalTemporalOffsetFromEvent(
            timepoint.days, codes.DAY, codes.SURGERY
        ),
    )


def _measurement(score: MeasuredScore, algorithm: AlgorithmIdentification) -> Measurement:
    properties = None
    if score.interval is not None:
        lowest, highest = score.interval
        properties = MeasurementProperties(
            upper_measurement_uncertainty=round(highest - score.value, _DECIMALS),
            lower_measurement_uncertainty=round(score.value - lowest, _DECIMALS),
        )
    measurement = Measurement(
        score.code,
        round(score.value, _DECIMALS),
        codes.SCORE,
        algorithm_id=algorithm,
        properties=properties,
        referenced_images=[
            SourceImageForMeasurement(photo.sop_class_uid, photo.sop_instance_uid) for photo in score.photos
        ],
    )
    # TID 300 is extensible, and has no place of its own for the bounds of a scale.
    bounds = ((codes.LOWEST, score.low), (codes.HIGHEST, score.high), (codes.NORMAL, score.normal))
    measurement[0].ContentSequence.extend(
        NumContentItem(name, value, codes.SCORE, relationship_type=RelationshipTypeValues.HAS_PROPERTIES)
        for name, value in bounds
    )
    return measurement


def _flag(flag: str) -> QualitativeEvaluation:
    kind, places = codes.flag_codes(flag)
    about: list[ContentItem] = [
        CodeContentItem(name, value, relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD)
        for name, value in places
    ]
    evaluation = QualitativeEvaluation(codes.FLAG, kind)
    if about:
        evaluation[0].ContentSequence = ContentSequence(about)
    return evaluation
