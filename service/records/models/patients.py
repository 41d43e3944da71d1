"""Who the records are about, what was done to them, and what was corrected since."""

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base, worded

if TYPE_CHECKING:
    from service.records.models.recordings import KeptObject, Recording


class EventKind(enum.StrEnum):
    """What happened, beside surgeries, that a course of scores is read against."""

    BOTULINUM_TOXIN = "botulinum toxin"
    LID_WEIGHT = "lid weight"
    TRAINING = "training"
    REVISION = "revision"
    OTHER = "other"


class Patient(Base):
    """A person, known by an id within its issuer; further ones are `PatientIdentifier`."""

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("patient_id", "issuer"),
        CheckConstraint("patient_id <> ''", "id_given"),
        Index("ix_patient_birth_date", "birth_date"),
        Index("ix_patient_last_arrival", text("last_arrival_at DESC NULLS LAST"), text("id DESC")),
        Index(
            "ix_patient_trigrams",
            text("facialis_trigrams(name, patient_id)"),
            postgresql_using="gin",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_id: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(64), server_default="")
    name: Mapped[str] = mapped_column(String(324), server_default="")
    birth_date: Mapped[dt.date | None]
    death_date: Mapped[dt.date | None]
    sex: Mapped[str] = mapped_column(String(16), server_default="")
    last_arrival_at: Mapped[dt.datetime | None]
    """When the latest series began, or its last photo came; None while there is no recording."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=func.now(), onupdate=func.clock_timestamp()
    )

    surgeries: Mapped[list["Surgery"]] = relationship(
        back_populates="patient", order_by="Surgery.performed_on, Surgery.id", cascade="all, delete-orphan"
    )
    events: Mapped[list["Event"]] = relationship(
        back_populates="patient", order_by="Event.happened_on, Event.id", cascade="all, delete-orphan"
    )
    identifiers: Mapped[list["PatientIdentifier"]] = relationship(
        order_by="PatientIdentifier.id", cascade="all, delete-orphan"
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


class PatientIdentifier(Base):
    """A further id of a patient, such as the one of a record that was merged into this one.

    No patient's own id is among them; `service.records.patients` sees to that under a lock.
    """

    __tablename__ = "patient_identifier"
    __table_args__ = (
        UniqueConstraint("value", "issuer"),
        CheckConstraint("value <> ''", "value_given"),
        Index("ix_patient_identifier_trigrams", text("facialis_trigrams(value)"), postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    value: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(64), server_default="")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Surgery(Base):
    """An operation on the facial nerve that recordings are placed around in time."""

    __tablename__ = "surgery"
    __table_args__ = (
        UniqueConstraint("patient_key", "performed_on", "procedure", "side"),
        CheckConstraint("side IN ('L', 'R', 'B')", "side"),
        Index("ix_surgery_performed_on", "performed_on"),
        Index("ix_surgery_procedure", text("lower(procedure)")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    performed_on: Mapped[dt.date]
    procedure: Mapped[str] = mapped_column(String(200))
    side: Mapped[str] = mapped_column(String(1))
    surgeon: Mapped[str] = mapped_column(String(200), server_default="")
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=func.now(), onupdate=func.clock_timestamp()
    )

    patient: Mapped[Patient] = relationship(back_populates="surgeries")


class Event(Base):
    """Something else on a patient's time line; recordings are not placed around it."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("patient_key", "happened_on", "kind", "side"),
        CheckConstraint("side IN ('', 'L', 'R', 'B')", "side"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    happened_on: Mapped[dt.date]
    kind: Mapped[EventKind] = mapped_column(worded(EventKind, "kind"))
    side: Mapped[str] = mapped_column(String(1), server_default="")
    """`L`, `R` or `B` (both); empty where the event has no side, or nobody stated it."""
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())

    patient: Mapped[Patient] = relationship(back_populates="events")


class Change(Base):
    """What a correction, deletion or merge replaced. Rows are only ever added."""

    __tablename__ = "change"
    __table_args__ = (CheckConstraint("action IN ('corrected', 'deleted', 'merged')", "action"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    made_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    made_by: Mapped[str] = mapped_column(String(100), server_default="")
    """A person or a system; empty where it was the command line."""
    action: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(16))
    """The table of the row that was changed."""
    subject_id: Mapped[int]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class IdentityNote(Base):
    """A name, birth date or sex that came under a known patient ID and is not the one on record."""

    __tablename__ = "identity_note"
    __table_args__ = (UniqueConstraint("patient_key", "attribute", "sent"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    attribute: Mapped[str] = mapped_column(String(16))
    sent: Mapped[str] = mapped_column(String(324))
    series_uid: Mapped[str] = mapped_column(String(64))
    """Where it came first; empty where it is of a record that was merged into this one."""
    noted_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
