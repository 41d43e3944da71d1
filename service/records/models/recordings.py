"""What was received: recordings with their photos, and objects that are kept beside them."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base, Leased, RecordingState
from service.records.models.patients import Patient, Surgery

if TYPE_CHECKING:
    from service.records.models.gradings import Grading


class Recording(Leased, Base):
    """One photo series on one day: a DICOM series."""

    __tablename__ = "recording"
    __table_args__ = (
        Index("ix_recording_state", "state", "next_attempt_at"),
        Index(
            "ix_recording_attention",
            "state_changed_at",
            "id",
            postgresql_where=text("state = 'needs_attention'"),
        ),
        Index("ix_recording_state_changed", "state", text("state_changed_at DESC"), text("id DESC")),
        Index("ix_recording_recorded", "recorded_at"),
        Index("ix_recording_unidentified", "last_received_at", postgresql_where=text("patient_key IS NULL")),
        CheckConstraint("(state = 'needs_attention') = (reason IS NOT NULL)", "attention_has_reason"),
        CheckConstraint("affected_side IN ('L', 'R')", "affected_side"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    series_uid: Mapped[str] = mapped_column(String(64), unique=True)
    study_uid: Mapped[str] = mapped_column(String(64), index=True)
    patient_key: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    surgery_key: Mapped[int | None] = mapped_column(ForeignKey("surgery.id", ondelete="SET NULL"), index=True)
    days_from_surgery: Mapped[int | None]
    stated_days: Mapped[int | None]
    """Days from the surgery that the photos state themselves; these come before what dates say."""
    affected_side: Mapped[str | None] = mapped_column(String(1))
    """As a clinician set it; it comes before what the surgery says."""
    protocol: Mapped[str] = mapped_column(String(32))
    recorded_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=False))
    """When the photos were taken, in the camera's local time (DICOM gives no zone)."""
    state: Mapped[RecordingState]
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None]
    first_received_at: Mapped[dt.datetime]
    last_received_at: Mapped[dt.datetime]
    state_changed_at: Mapped[dt.datetime]

    patient: Mapped[Patient | None] = relationship(back_populates="recordings")
    surgery: Mapped[Surgery | None] = relationship()
    timepoints: Mapped[list["Timepoint"]] = relationship(
        back_populates="recording", order_by="Timepoint.surgery_key", passive_deletes=True
    )
    photos: Mapped[list["Photo"]] = relationship(back_populates="recording", order_by="Photo.id")
    gradings: Mapped[list["Grading"]] = relationship(back_populates="recording", order_by="Grading.id")
    stages: Mapped[list["StageRun"]] = relationship(order_by="StageRun.id")


class Timepoint(Base):
    """A recording's place in time around one of its patient's surgeries; every pair of the two has one.

    Only recordings without any date have none. `service.records.timepoints` keeps them.
    """

    __tablename__ = "timepoint"
    __table_args__ = (Index("ix_timepoint_surgery_key", "surgery_key", "days"),)

    recording_key: Mapped[int] = mapped_column(
        ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True
    )
    surgery_key: Mapped[int] = mapped_column(ForeignKey("surgery.id", ondelete="CASCADE"), primary_key=True)
    days: Mapped[int]
    """From the surgery to the recording; negative is before."""

    recording: Mapped[Recording] = relationship(back_populates="timepoints")
    surgery: Mapped[Surgery] = relationship()


class Photo(Base):
    """One received image. The file lies in the storage under ``storage_key``, as it was sent."""

    __tablename__ = "photo"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    storage_key: Mapped[str] = mapped_column(String(200))
    header: Mapped[dict[str, Any]]
    pose: Mapped[str | None] = mapped_column(String(16))
    pose_rule: Mapped[str | None] = mapped_column(String(32))
    settled_pose: Mapped[str | None] = mapped_column(String(16))
    """What a person decided, or left standing when deciding on others; it comes before every rule."""
    excluded: Mapped[bool] = mapped_column(server_default=false())
    """Left out by a person: kept, but not graded."""
    face: Mapped[dict[str, Any] | None]
    """Box of the face in pixels of the photo: left, top, right, bottom."""
    eyes: Mapped[dict[str, Any] | None]
    """Centres of the eyes in pixels of the photo: right and left, each [x, y]; None until prepared."""
    crop_key: Mapped[str | None] = mapped_column(String(200))
    """The network's input, as a lossless image in the storage."""
    view_key: Mapped[str | None] = mapped_column(String(200))
    """The crop that people look at, as JPEG in the storage."""
    flags: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    calling_ae: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[dt.datetime]
    times_received: Mapped[int] = mapped_column(server_default="1")
    last_seen_at: Mapped[dt.datetime]

    recording: Mapped[Recording] = relationship(back_populates="photos")


class StageRun(Base):
    """One attempt of one stage on one recording: who, from when to when, with what outcome."""

    __tablename__ = "stage_run"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"), index=True)
    stage: Mapped[str] = mapped_column(String(16))
    worker: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[dt.datetime] = mapped_column(index=True)
    finished_at: Mapped[dt.datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(64))


class KeptObject(Base):
    """A received object that is kept with its patient and not graded: a video, or an earlier report."""

    __tablename__ = "kept_object"
    __table_args__ = (CheckConstraint("kind IN ('video', 'document')", "kind"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    patient_key: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    study_uid: Mapped[str] = mapped_column(String(64), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    storage_key: Mapped[str] = mapped_column(String(200))
    header: Mapped[dict[str, Any]]
    recorded_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=False))
    """What the object says of its own time, in its maker's local time."""
    calling_ae: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[dt.datetime]
    times_received: Mapped[int] = mapped_column(server_default="1")
    last_seen_at: Mapped[dt.datetime]

    patient: Mapped[Patient | None] = relationship(back_populates="kept_objects")


class Quarantined(Base):
    """An object that was kept aside: other content under a known UID, or bytes that make no sense."""

    __tablename__ = "quarantined"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str]
    calling_ae: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[dt.datetime]
