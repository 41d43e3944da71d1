"""What was written of a grading, and where it goes."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base, DeliveryState, Leased
from service.records.models.gradings import Grading


class Report(Base):
    """A document made of one grading.

    Its ``kind`` is `pdf`, `sr` (structured report), or that of a message: `oru` (HL7 v2) or `fhir`. Its
    ``version`` is `draft`, or `final` for the one that says who signed the grading's report off.
    """

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("grading_key", "kind", "version"),
        CheckConstraint("version IN ('draft', 'final')", "version"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id"))
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(8), server_default="draft")
    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    document_key: Mapped[str] = mapped_column(String(200))
    """The file that people read, in the storage: the PDF; of another kind that of ``object_key``."""
    object_key: Mapped[str] = mapped_column(String(200))
    """What is delivered, in the storage: a DICOM object; of a message the result that it is made from."""
    style: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """How it was set (language, paper and such), so that it can be written again; None: in English on A4."""
    created_at: Mapped[dt.datetime]

    grading: Mapped[Grading] = relationship(back_populates="reports")
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="report", order_by="Delivery.id")


class SignOff(Base):
    """Who took the report of a grading as final, and when; once made it is never changed."""

    __tablename__ = "sign_off"
    __table_args__ = (CheckConstraint("signed_by <> ''", "signed_by_given"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id"), unique=True)
    signed_by: Mapped[str] = mapped_column(String(200))
    """The clinician's name, as it stands in the report."""
    comment: Mapped[str] = mapped_column(server_default="")
    signed_at: Mapped[dt.datetime]

    grading: Mapped[Grading] = relationship(back_populates="sign_off")


class Delivery(Leased, Base):
    """One document to one destination."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("report_key", "destination"),
        Index("ix_delivery_pending", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_delivery_open", "state", "destination", postgresql_where=text("state <> 'delivered'")),
        Index(
            "ix_delivery_order",
            "destination",
            "order_key",
            "id",
            postgresql_where=text("state = 'pending' AND order_key IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    report_key: Mapped[int] = mapped_column(ForeignKey("report.id"))
    destination: Mapped[str] = mapped_column(String(64))
    state: Mapped[DeliveryState] = mapped_column(server_default=DeliveryState.PENDING.value)
    answer: Mapped[str | None]
    """The peer's last answer, in words."""
    transaction_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    """Of the request to commit the document, while its answer is waited for."""
    order_key: Mapped[int | None]
    """Deliveries to one destination with the same key go one after the other: the patient, else None."""
    retries: Mapped[int] = mapped_column(server_default="0")
    """How often a person let it be tried again after it had failed; each time it is a new message."""
    created_at: Mapped[dt.datetime]
    delivered_at: Mapped[dt.datetime | None]

    report: Mapped[Report] = relationship(back_populates="deliveries")


class Circuit(Base):
    """What is known of a destination's health: after failures in a row it is left alone for a while."""

    __tablename__ = "circuit"

    destination: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")
    """In a row, each of a whole attempt to reach it."""
    open_until: Mapped[dt.datetime | None]
    """Nothing is sent before; then one delivery alone is, as a trial. None: all is well."""
    trial_until: Mapped[dt.datetime | None]
    """Until when the worker with the trial is waited for."""
    answer: Mapped[str | None]
    """What the last failure was, in words."""
    changed_at: Mapped[dt.datetime]
