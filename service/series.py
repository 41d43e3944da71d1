"""What a series is once its photos are together: which photo shows which pose, whose it is, where it leads.

This is decided on the headers alone; pixels are for the workers.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from dicom.headers import PhotoHeader
from dicom.poses import PoseAssignment, PoseRules, assign_poses
from dicom.timepoints import stated_days
from grading.protocols import PROTOCOLS
from service.records import audit, flow
from service.records.audit_events import AuditEventKind
from service.records.models import Photo, Recording, RecordingState
from service.records.patients import record_identity
from service.records.timepoints import link_surgeries
from service.settings import Settings


def pose_rules(settings: Settings) -> PoseRules:
    """The rules that the settings describe, over the built-in ones."""
    defaults = PoseRules()
    return PoseRules(
        order=settings.poses.order,
        codes={**defaults.codes, **settings.poses.codes},
        patterns=defaults.patterns if settings.poses.patterns is None else settings.poses.patterns,
    )


def place_photos(session: Session, recording: Recording, rules: PoseRules) -> PoseAssignment:
    """Decide anew which photo of the recording shows which pose, and write it to the photos.

    What a person settled stands, and photos that a person left out show none.
    """
    session.flush()
    session.refresh(recording, ["photos"])
    used = graded_photos(recording)
    headers = [PhotoHeader.from_json(photo.header) for photo in used]
    settled = {photo.sop_instance_uid: photo.settled_pose for photo in used if photo.settled_pose is not None}
    assignment = assign_poses(headers, rules, PROTOCOLS[recording.protocol], settled)
    for photo in recording.photos:
        photo.pose = assignment.poses.get(photo.sop_instance_uid)
        if photo.settled_pose is None:
            photo.pose_rule = assignment.by.get(photo.sop_instance_uid)
    return assignment


def graded_photos(recording: Recording) -> list[Photo]:
    """The photos of the recording without those that a person left out."""
    return [photo for photo in recording.photos if not photo.excluded]


def identity_problem(recording: Recording) -> tuple[str, str] | None:
    """Code and reason why the recording cannot be filed under one patient, None if it can."""
    people = {(photo.header["patient_id"], photo.header["issuer"]) for photo in graded_photos(recording)}
    if len(people) > 1:
        return (
            "identity.mixed",
            "The photos of this series name different patients. Correct that and send them as a new series.",
        )
    if recording.patient_key is None:
        return (
            "identity.missing",
            "The photos carry no patient ID. Enter it and send them as a new series.",
        )
    return None


def close_series(session: Session, recording: Recording, rules: PoseRules) -> None:
    """A series to which nothing more came: on to the workers, or to a person with the reason."""
    let_go_on(session, recording, rules)
    _take_from_headers(session, recording)
    _audit_arrival(session, recording)


def let_go_on(session: Session, recording: Recording, rules: PoseRules) -> None:
    """Let a series be prepared and graded, or hold it with the reason why it cannot be."""
    assignment = place_photos(session, recording, rules)
    identity = identity_problem(recording)
    problem = assignment.problem()
    if identity is not None:
        flow.hold(recording, *identity)
    elif problem is not None:
        flow.hold(recording, "series.poses", problem)
    else:
        flow.move(recording, RecordingState.COMPLETE)


def close_if_full(session: Session, recording_id: int, rules: PoseRules) -> bool:
    """Set a series going before its quiet time is over, if each pose has its photo; whether it was so."""
    recording = session.scalar(
        select(Recording)
        .where(Recording.id == recording_id, Recording.state == RecordingState.RECEIVING)
        .with_for_update()
    )
    if recording is None:
        return False
    assignment = place_photos(session, recording, rules)
    if not assignment.complete or identity_problem(recording) is not None:
        return False
    _take_from_headers(session, recording)
    flow.move(recording, RecordingState.COMPLETE)
    _audit_arrival(session, recording)
    return True


def _take_from_headers(session: Session, recording: Recording) -> None:
    """Note whose recording it is and when it was made, as its photos say."""
    headers = [PhotoHeader.from_json(photo.header) for photo in graded_photos(recording)]
    stated = (days for header in headers if (days := stated_days(header)) is not None)
    recording.stated_days = next(stated, recording.stated_days)
    if recording.patient is None:
        return
    recording.patient.last_arrival_at = recording.last_received_at
    for header in headers:
        # Those of somebody else are a problem of the recording, not of the patient's record.
        if (header.patient_id, header.issuer) == (headers[0].patient_id, headers[0].issuer):
            record_identity(session, recording.patient, header)
    link_surgeries(session, recording.patient)


def _audit_arrival(session: Session, recording: Recording) -> None:
    """One entry for a whole series, when it has ended; a photo that comes later makes another."""
    audit.record(
        session,
        audit.system("receiver"),
        AuditEventKind.PHOTOS_RECEIVED,
        patient=recording.patient_key,
        recording=recording.id,
        photos=len(recording.photos),
        sender=next((photo.calling_ae for photo in recording.photos), None),
    )
