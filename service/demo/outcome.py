"""What became of the demo's recordings, read from the records and from the stand-in PACS."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from sqlalchemy import Engine, select
from sqlalchemy.orm import selectinload

from grading.phantom import PhantomPatient, PhantomRecording
from service.database import transaction
from service.phantoms import series_uid
from service.records.gradings import active_grading, scores_of
from service.records.models import Delivery, Recording, RecordingState, Report
from service.records.timepoints import timepoint_name

ENDED = frozenset({RecordingState.DELIVERED, RecordingState.NEEDS_ATTENTION})


@dataclass
class Outcome:
    """One recording of the demo: what it should have been and what became of it. Times in seconds."""

    patient: PhantomPatient
    recording: PhantomRecording
    state: RecordingState | None = None
    reason: str | None = None
    photos: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    report_uid: str | None = None
    pdf: Path | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED

    @property
    def timepoint(self) -> str:
        """Its place in time in words."""
        days = self.recording.days_from_surgery
        return "no surgery" if days is None else timepoint_name(days)

    def to_json(self) -> dict[str, Any]:
        """The recording's part of the demo's summary."""
        return {
            "patient": self.patient.id,
            "recording": self.recording.number,
            "timepoint": self.timepoint,
            "state": self.state.value if self.state else None,
            "reason": self.reason,
            "photos": self.photos,
            "scores": self.scores,
            "true_scores": self.recording.scores,
            "seconds": self.seconds,
            "pdf": str(self.pdf) if self.pdf else None,
        }


def follow(engine: Engine, outcomes: list[Outcome]) -> None:
    """Bring each outcome up to date with the records."""
    with transaction(engine) as session:
        for outcome in outcomes:
            recording = session.scalar(
                select(Recording)
                .where(Recording.series_uid == series_uid(outcome.patient, outcome.recording))
                .options(selectinload(Recording.photos), selectinload(Recording.stages))
            )
            if recording is None:
                continue
            outcome.state, outcome.reason = recording.state, recording.reason
            outcome.photos = len(recording.photos)
            outcome.seconds = _seconds(recording)
            grading = active_grading(session, recording.id)
            if grading is None:
                continue
            outcome.scores = scores_of(grading)
            report = session.scalar(
                select(Report)
                .where(Report.grading_key == grading.id, Report.kind == "pdf")
                .order_by(Report.id.desc())
                .limit(1)
            )
            if report is not None:
                outcome.report_uid = report.sop_instance_uid
                outcome.seconds |= _delivery_seconds(session.scalars(_deliveries(report.id)).all())


def collect_pdf(outcome: Outcome, pacs_folder: Path, reports: Path) -> None:
    """Take the PDF out of the object that the stand-in PACS was sent, and lay it where it is easy to find."""
    if outcome.report_uid is None:
        return
    for file in pacs_folder.rglob(f"{outcome.report_uid}.dcm"):
        dataset = pydicom.dcmread(file)
        outcome.pdf = reports / f"{outcome.patient.id} {outcome.recording.number} {outcome.timepoint}.pdf"
        outcome.pdf.write_bytes(dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength])


def _deliveries(report_id: int) -> Any:
    return select(Delivery).where(Delivery.report_key == report_id, Delivery.delivered_at.is_not(None))


def _seconds(recording: Recording) -> dict[str, float]:
    receiving = (recording.last_received_at - recording.first_received_at).total_seconds()
    seconds = {"receive": round(receiving, 3)}
    for run in recording.stages:
        if run.finished_at is not None and run.outcome == "done":
            seconds[run.stage] = round((run.finished_at - run.started_at).total_seconds(), 3)
    return seconds


def _delivery_seconds(deliveries: Any) -> dict[str, float]:
    ended = [(row.delivered_at - row.created_at).total_seconds() for row in deliveries]
    return {"deliver": round(max(ended), 3)} if ended else {}
