"""What senders have asked us to commit ourselves to, until they have been told."""

import datetime as dt

from sqlalchemy import Identity, Index, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base


class CommitmentQuestion(Base):
    """One request for storage commitment that has not been reported on; gone once it has been."""

    __tablename__ = "commitment_question"
    __table_args__ = (
        UniqueConstraint("calling_ae", "transaction_uid"),
        Index("ix_commitment_question_next_attempt_at", "next_attempt_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    calling_ae: Mapped[str] = mapped_column(String(16))
    transaction_uid: Mapped[str] = mapped_column(String(64))
    objects: Mapped[list[list[str]]] = mapped_column(JSONB)
    """Pairs of SOP class and instance UID."""
    asked_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    """Set before an attempt is made, so that one that breaks off is made up for."""
