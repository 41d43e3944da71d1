"""The tables. Constraints here hold what must never be wrong; the words are those of the design."""

import datetime as dt
import enum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from grading.scales import EFACE


class RecordingState(enum.StrEnum):
    """Where a recording is on its way."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    PREPARED = "prepared"
    GRADED = "graded"
    REPORTED = "reported"
    DELIVERED = "delivered"
    NEEDS_ATTENTION = "needs_attention"


class DeliveryState(enum.StrEnum):
    """Where one document is on its way to one destination."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def _values(enumeration: type[enum.Enum]) -> list[str]:
    return [member.value for member in enumeration]


class Base(DeclarativeBase):
    """Root of the tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        dt.datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        int: BigInteger,
        RecordingState: Enum(
            RecordingState,
            native_enum=False,
            length=32,
            values_callable=_values,
            create_constraint=True,
            name="state",
        ),
        DeliveryState: Enum(
            DeliveryState,
            native_enum=False,
            length=32,
            values_callable=_values,
            create_constraint=True,
            name="state",
        ),
    }


class Leased:
    """Columns of a row that is work: who holds it until when, how often it was tried, when to try next.

    ``attempts`` counts tries that ended in an orderly way and sets the wait before the next; ``crashes``
    counts workers that died or failed unexpectedly while holding the row, and ends the trying.
    """

    attempts: Mapped[int] = mapped_column(server_default="0")
    crashes: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[dt.datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime | None]
    enqueued_at: Mapped[dt.datetime | None]


class Patient(Base):
    """A person, known by an id within its issuer."""

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("patient_id", "issuer"),
        CheckConstraint("patient_id <> ''", "id_given"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_id: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(64), server_default="")
    name: Mapped[str] = mapped_column(String(324), server_default="")
    birth_date: Mapped[dt.date | None]
    sex: Mapped[str] = mapped_column(String(16), server_default="")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())

    surgeries: Mapped[list["Surgery"]] = relationship(
        back_populates="patient", order_by="Surgery.performed_on", cascade="all, delete-orphan"
    )
    recordings: Mapped[list["Recording"]] = relationship(
        back_populates="patient", order_by="Recording.recorded_at"
    )
    identity_notes: Mapped[list["IdentityNote"]] = relationship(
        order_by="IdentityNote.id", cascade="all, delete-orphan"
    )
    kept_objects: Mapped[list["KeptObject"]] = relationship(
        back_populates="patient", order_by="KeptObject.recorded_at, KeptObject.id"
    )


class Surgery(Base):
    """An operation on the facial nerve that recordings are placed around in time."""

    __tablename__ = "surgery"
    __table_args__ = (
        UniqueConstraint("patient_key", "performed_on", "procedure", "side"),
        CheckConstraint("side IN ('L', 'R', 'B')", "side"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    performed_on: Mapped[dt.date]
    procedure: Mapped[str] = mapped_column(String(200))
    side: Mapped[str] = mapped_column(String(1))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())

    patient: Mapped[Patient] = relationship(back_populates="surgeries")


class Recording(Leased, Base):
    """One photo series on one day: a DICOM series."""

    __tablename__ = "recording"
    __table_args__ = (
        Index("ix_recording_state", "state", "next_attempt_at"),
        CheckConstraint("(state = 'needs_attention') = (reason IS NOT NULL)", "attention_has_reason"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    series_uid: Mapped[str] = mapped_column(String(64), unique=True)
    study_uid: Mapped[str] = mapped_column(String(64), index=True)
    patient_key: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    surgery_key: Mapped[int | None] = mapped_column(ForeignKey("surgery.id", ondelete="SET NULL"))
    days_from_surgery: Mapped[int | None]
    stated_days: Mapped[int | None]
    """Days from the surgery that the photos state themselves; these come before what dates say."""
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
    photos: Mapped[list["Photo"]] = relationship(back_populates="recording", order_by="Photo.id")
    gradings: Mapped[list["Grading"]] = relationship(back_populates="recording", order_by="Grading.id")
    stages: Mapped[list["StageRun"]] = relationship(order_by="StageRun.id")


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
    face: Mapped[dict[str, Any] | None]
    """Box of the face in pixels of the photo: left, top, right, bottom."""
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


class IdentityNote(Base):
    """A name, birth date or sex that came under a known patient ID and is not the one on record."""

    __tablename__ = "identity_note"
    __table_args__ = (UniqueConstraint("patient_key", "attribute", "sent"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    attribute: Mapped[str] = mapped_column(String(16))
    sent: Mapped[str] = mapped_column(String(324))
    series_uid: Mapped[str] = mapped_column(String(64))
    """Where it came first."""
    noted_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


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


class Bundle(Base):
    """A trained model that has graded something here."""

    __tablename__ = "bundle"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(32))
    manifest: Mapped[dict[str, Any]]
    registered_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Grading(Base):
    """One bundle's result for one recording, identified by what it was made of."""

    __tablename__ = "grading"
    __table_args__ = (
        Index(
            "uq_grading_active", "recording_key", "bundle_key", unique=True, postgresql_where=text("active")
        ),
        CheckConstraint("side IN ('L', 'R')", "side"),
        CheckConstraint("novelty >= 0", "novelty"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64), unique=True)
    """Derived from photo contents, poses, bundle hash and configuration: the same input, the same UID."""
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"), index=True)
    bundle_key: Mapped[int] = mapped_column(ForeignKey("bundle.id"))
    active: Mapped[bool]
    flags: Mapped[list[str]]
    side: Mapped[str | None] = mapped_column(String(1))
    """The affected side that was assumed, None where the bundle does not ask; the flags say if estimated."""
    novelty: Mapped[float | None]
    """Distance to the bundle's training data, above 1 unlike it; None in gradings of before it was stored."""
    created_at: Mapped[dt.datetime]

    recording: Mapped[Recording] = relationship(back_populates="gradings")
    bundle: Mapped[Bundle] = relationship()
    items: Mapped[list["ItemScore"]] = relationship(order_by="ItemScore.id", cascade="all, delete-orphan")
    sub_scores: Mapped[list["SubScoreRow"]] = relationship(
        order_by="SubScoreRow.id", cascade="all, delete-orphan"
    )
    reports: Mapped[list["Report"]] = relationship(back_populates="grading", order_by="Report.id")


_RANGES = " OR ".join(
    f"(item = '{item.id}' AND value BETWEEN {item.low:g} AND {item.high:g})" for item in EFACE.items
)


class WithInterval:
    """Columns of a score: its value and its 90 % prediction interval, None where the bundle knows none."""

    value: Mapped[float]
    low: Mapped[float | None]
    high: Mapped[float | None]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval's ends in points."""
        return None if self.low is None or self.high is None else (self.low, self.high)


_AROUND = "(low IS NULL) = (high IS NULL) AND low <= value AND value <= high"


class ItemScore(WithInterval, Base):
    """A grading's score of one eFACE item, within that item's range."""

    __tablename__ = "item_score"
    __table_args__ = (
        UniqueConstraint("grading_key", "item"),
        CheckConstraint(_RANGES, "in_range"),
        CheckConstraint(_AROUND, "interval"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id", ondelete="CASCADE"))
    item: Mapped[str] = mapped_column(String(8))


class SubScoreRow(WithInterval, Base):
    """A sub-score of a grading, with the formula that made it; only the folded ones have an interval."""

    __tablename__ = "sub_score"
    __table_args__ = (
        UniqueConstraint("grading_key", "name", "formula"),
        CheckConstraint(_AROUND, "interval"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(32))
    formula: Mapped[str] = mapped_column(String(32))


class Report(Base):
    """A document made of one grading: its ``kind`` is `pdf` or `sr` (structured report)."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("grading_key", "kind"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id"))
    kind: Mapped[str] = mapped_column(String(16))
    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    document_key: Mapped[str] = mapped_column(String(200))
    """The file that people read, in the storage: the PDF; of another kind the DICOM object itself."""
    object_key: Mapped[str] = mapped_column(String(200))
    """The DICOM object that is delivered, in the storage."""
    created_at: Mapped[dt.datetime]

    grading: Mapped[Grading] = relationship(back_populates="reports")
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="report", order_by="Delivery.id")


class Delivery(Leased, Base):
    """One document to one destination."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("report_key", "destination"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    report_key: Mapped[int] = mapped_column(ForeignKey("report.id"))
    destination: Mapped[str] = mapped_column(String(64))
    state: Mapped[DeliveryState] = mapped_column(server_default=DeliveryState.PENDING.value)
    answer: Mapped[str | None]
    """The peer's last answer, in words."""
    transaction_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    """Of the request to commit the document, while its answer is waited for."""
    created_at: Mapped[dt.datetime]
    delivered_at: Mapped[dt.datetime | None]

    report: Mapped[Report] = relationship(back_populates="deliveries")


class StageRun(Base):
    """One attempt of one stage on one recording: who, from when to when, with what outcome."""

    __tablename__ = "stage_run"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"), index=True)
    stage: Mapped[str] = mapped_column(String(16))
    worker: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(64))
