"""Signing a report off: a clinician takes it as final, and its final version replaces the draft."""

from sqlalchemy import func
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records import audit, flow
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.gradings import active_grading
from service.records.models import Recording, RecordingState, SignOff
from service.records.outbox import withdraw_drafts

LONGEST_NAME = 200
LONGEST_COMMENT = 2000


class SignOffError(PermanentError):
    """A report cannot be signed off as asked for."""

    code = "report.sign_off"


def sign_off(
    session: Session,
    recording_id: int,
    signed_by: str,
    comment: str = "",
    *,
    actor: Actor,
    grading_id: int | None = None,
) -> SignOff:
    """Sign the report of a recording's active grading off; the same person again changes nothing.

    The recording goes back to the report stage, which writes the final version and sends it; whoever calls
    may wake that stage. What waited at destinations that take signed reports only gives way to the final
    version; a draft that is on its way is not held back, and the final version follows it.

    Parameters:
        signed_by: the clinician's name, as the report is to show it.
        comment: what the clinician notes; printed in the report.
        actor: who does it, for the audit trail.
        grading_id: the grading that the clinician looked at; another one than the active is refused.

    Raises:
        SignOffError: there is no such report, it was signed off by somebody else, the recording was graded
            anew or is on its way to that, or the name is empty or too long.
    """
    name, comment = " ".join(signed_by.split()), comment.strip()
    if not name or len(name) > LONGEST_NAME or len(comment) > LONGEST_COMMENT:
        raise SignOffError(
            f"give the name of who signs, at most {LONGEST_NAME} characters, and at most {LONGEST_COMMENT} "
            "characters of comment"
        )
    recording = session.get(Recording, recording_id, with_for_update={"of": Recording})
    grading = active_grading(session, recording_id)
    if recording is None or grading is None:
        raise SignOffError(f"recording {recording_id} has no report: see 'facialis recordings list'")
    if grading_id is not None and grading.id != grading_id:
        raise SignOffError(f"recording {recording_id} was graded anew: look at its new report")
    if grading.sign_off is not None:
        if grading.sign_off.signed_by == name:
            return grading.sign_off
        raise SignOffError(
            f"the report of recording {recording_id} is signed off already, on "
            f"{grading.sign_off.signed_at:%Y-%m-%d}: have the recording graded anew to make another"
        )
    if not _has_report(recording):
        raise SignOffError(f"recording {recording_id} is {recording.state}: wait until its report is written")
    row = SignOff(grading=grading, signed_by=name, comment=comment, signed_at=func.clock_timestamp())
    session.add(row)
    withdraw_drafts(session, grading.id)
    flow.move(recording, RecordingState.GRADED)
    session.flush()
    session.refresh(row)
    audit.record(
        session,
        actor,
        AuditEventKind.DOCUMENT_SIGNED,
        patient=recording.patient_key,
        recording=recording.id,
        grading=grading.id,
    )
    return row


def _has_report(recording: Recording) -> bool:
    if recording.state is RecordingState.NEEDS_ATTENTION:
        return recording.reason_code == flow.DELIVERY_FAILED
    return recording.state in (RecordingState.REPORTED, RecordingState.DELIVERED)
