"""What a clinician corrects about a recording, which is graded anew then; earlier gradings stay on record.

Each of these holds the recording's row, so that two people do one after the other, and is recorded in the
audit trail. A worker that holds the recording just now loses it, and its results with it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from dicom.poses import PERSON, PoseRules
from grading.errors import PermanentError
from grading.protocols import PROTOCOLS
from service.records import audit, flow
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import Recording, RecordingState
from service.series import close_series, let_go_on

LEFT_OUT = ""
"""In the place of a pose: the photo is not to be graded."""


class CorrectionError(PermanentError):
    """A recording cannot be corrected as asked for."""

    code = "recording.correction"


class UnknownRecordingError(CorrectionError):
    """There is no recording with that number."""

    code = "recording.unknown"


class RecordingStateError(CorrectionError):
    """A recording is in a state in which this cannot be done: somebody else, or the work, was first."""

    code = "recording.state"


def correct_photos(
    session: Session, recording_id: int, poses: Mapping[int, str], rules: PoseRules, actor: Actor
) -> Recording:
    """Say which photos show which poses, and which are left out, for photos by their number (the row's id).

    Once a person has looked, no rule decides on the photos there are any more; only on those that come later.
    A series that still receives photos goes on receiving; any other is graded anew, or held with the reason.

    Raises:
        CorrectionError: there is no such recording or photo of it, the protocol has no such pose, or two
            photos would show the same.
    """
    recording = held(session, recording_id)
    known = PROTOCOLS[recording.protocol].by_code
    photos = {photo.id: photo for photo in recording.photos}
    if not poses.keys() <= photos.keys():
        raise CorrectionError("a photo is not of this recording: load its page again")
    for pose in poses.values():
        if pose != LEFT_OUT and pose not in known:
            raise CorrectionError("the protocol of this recording has no such pose: choose one of the list")
    after = {
        photo.id: poses.get(photo.id, LEFT_OUT if photo.excluded else photo.pose)
        for photo in recording.photos
    }
    shown = [pose for pose in after.values() if pose]
    twice = next((pose for pose in shown if shown.count(pose) > 1), None)
    if twice is not None:
        raise CorrectionError(
            f"two photos would show “{known[twice].name}”: give one of them another pose, or leave it out"
        )
    changed = 0
    for number, wanted in after.items():
        photo = photos[number]
        if wanted == LEFT_OUT:
            changed += not photo.excluded
            photo.excluded = True
            continue
        if wanted != photo.pose or photo.excluded:
            changed += 1
            photo.pose_rule = PERSON
        photo.excluded, photo.settled_pose = False, wanted
    if changed:
        _go_on(session, recording, rules)
        _note(session, actor, recording, "photos", photos=changed)
    return recording


def set_affected_side(
    session: Session, recording_id: int, side: str | None, rules: PoseRules, actor: Actor
) -> Recording:
    """Say which side of the face is affected, `L` or `R`; None leaves it to the surgery, else to the model.

    Raises:
        CorrectionError: there is no such recording, or no such side.
    """
    recording = held(session, recording_id)
    if side not in (None, "L", "R"):
        raise CorrectionError("the affected side is L or R; of both sides choose the worse")
    if side != recording.affected_side:
        recording.affected_side = side
        _go_on(session, recording, rules)
        _note(session, actor, recording, "side", side=side or "not set")
    return recording


def grade_again(session: Session, recording_id: int, rules: PoseRules, actor: Actor) -> Recording:
    """Prepare and grade the photos again, by the bundle that is active now.

    The same photos, poses, side and bundle give the same grading, and no second report of it.

    Raises:
        UnknownRecordingError: there is no such recording.
        RecordingStateError: it is still receiving photos.
    """
    recording = held(session, recording_id)
    if recording.state is RecordingState.RECEIVING:
        raise RecordingStateError("photos are still arriving: close the series first")
    let_go_on(session, recording, rules)
    _note(session, actor, recording, "grade again", AuditEventKind.RECORDING_REGRADED)
    return recording


def try_again(session: Session, recording_id: int, actor: Actor) -> Recording:
    """Let a recording that needs attention try again, as `flow.retry` does.

    Raises:
        UnknownRecordingError: there is no such recording.
        RecordingStateError: it does not need attention, or not any more.
    """
    recording = held(session, recording_id)
    if recording.state is not RecordingState.NEEDS_ATTENTION:
        raise RecordingStateError(f"recording {recording_id} does not need attention: look at it again")
    flow.retry(session, recording)
    _note(session, actor, recording, "retry")
    return recording


def reopen(session: Session, recording_id: int, actor: Actor) -> Recording:
    """Let the series take further photos, until each pose has one, nothing comes any more, or it is closed.

    Raises:
        UnknownRecordingError: there is no such recording.
    """
    recording = held(session, recording_id)
    if recording.state is not RecordingState.RECEIVING:
        flow.move(recording, RecordingState.RECEIVING)
        recording.last_received_at = func.clock_timestamp()
        _note(session, actor, recording, "reopen")
    return recording


def close(session: Session, recording_id: int, rules: PoseRules, actor: Actor) -> Recording:
    """Take the series as ended: on to grading, or held with the reason why it cannot be graded.

    Raises:
        UnknownRecordingError: there is no such recording.
        RecordingStateError: its series has ended already.
    """
    recording = held(session, recording_id)
    if recording.state is not RecordingState.RECEIVING:
        raise RecordingStateError(
            f"the series of recording {recording_id} has ended already: look at it again"
        )
    close_series(session, recording, rules)
    _note(session, actor, recording, "close")
    return recording


def held(session: Session, recording_id: int) -> Recording:
    """The recording, locked. Raises `UnknownRecordingError`."""
    recording = session.get(Recording, recording_id, with_for_update={"of": Recording})
    if recording is None:
        raise UnknownRecordingError(f"there is no recording {recording_id}")
    return recording


def _go_on(session: Session, recording: Recording, rules: PoseRules) -> None:
    if recording.state is not RecordingState.RECEIVING:
        let_go_on(session, recording, rules)


def _note(
    session: Session,
    actor: Actor,
    recording: Recording,
    change: str,
    kind: AuditEventKind = AuditEventKind.RECORDING_CHANGED,
    **detail: Any,
) -> None:
    patient = recording.patient_key
    audit.record(session, actor, kind, patient=patient, recording=recording.id, change=change, **detail)
