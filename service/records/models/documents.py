"""What was written of a grading, and where it goes."""

import datetime as dt

from sqlalchemy import ForeignKey, Identity, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base, DeliveryState, Leased
from service.records.models.gradings import Grading


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
