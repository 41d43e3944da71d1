"""Who the records are about, and what was done to them."""

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Identity, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base

if TYPE_CHECKING:
    from service.records.models.recordings import KeptObject, Recording


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
