"""HL7 v2 messages that were sent to us, each kept before it is acknowledged."""

import datetime as dt
import enum

from sqlalchemy import ForeignKey, Identity, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base, worded


class MessageState(enum.StrEnum):
    """What became of a message."""

    RECEIVED = "received"
    """Kept; what it asks for is not done yet."""
    APPLIED = "applied"
    LEFT = "left"
    """Taken, but there was nothing to do for it here; its text is not kept."""
    REFUSED = "refused"
    WAITING = "waiting"
    """A surgery that is planned: recorded once its day is over."""
    REPLACED = "replaced"
    """A planned surgery that was cancelled or moved by a later message."""


class Message(Base):
    """One message; the same one sent again is the same row, and gets the same answer."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("sender", "control_id", "digest"),
        Index("ix_message_open", "state", postgresql_where=text("state IN ('received', 'waiting')")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sender: Mapped[str] = mapped_column(String(200))
    """MSH-3 and MSH-4."""
    control_id: Mapped[str] = mapped_column(String(200))
    """MSH-10."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the message: another one under a control id that was used before is no repetition."""
    trigger: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes | None]
    """The message as it came; None once it is not kept any more."""
    state: Mapped[MessageState] = mapped_column(worded(MessageState, length=16))
    answer_code: Mapped[str | None] = mapped_column(String(2))
    answer: Mapped[bytes | None]
    """The whole acknowledgement, which is sent again for the same message."""
    words: Mapped[str] = mapped_column(server_default="")
    """What was done, or why not."""
    order_id: Mapped[str] = mapped_column(String(200), server_default="")
    """The order or appointment of a planned surgery."""
    due_on: Mapped[dt.date | None]
    """The day of a planned surgery."""
    patient_key: Mapped[int | None] = mapped_column(ForeignKey("patient.id", ondelete="SET NULL"))
    received_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
