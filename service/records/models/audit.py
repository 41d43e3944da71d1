"""Who saw, changed, sent or exported what: rows that are only ever added."""

import datetime as dt
import enum
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index, SmallInteger, String, func
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base


class ActorKind(enum.StrEnum):
    """What kind of somebody did it."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind, not a token
    SYSTEM = "system"


class AuditEvent(Base):
    """One thing that somebody did. The numbers are no foreign keys: the trail outlives what it tells of.

    A trigger refuses UPDATE, DELETE and TRUNCATE, and the application's own database role has no right to
    them; see docs/security.md for what that does not hold off.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint("actor_kind IN ('user', 'token', 'system')", "actor_kind"),
        CheckConstraint("outcome IN (0, 4, 8, 12)", "outcome"),
        Index("ix_audit_event_patient_key_id", "patient_key", "id"),
        Index("ix_audit_event_recording_key_id", "recording_key", "id"),
        Index("ix_audit_event_actor_id", "actor", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    happened_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    """One of `service.records.audit_events.AuditEventKind`."""
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(128))
    """A user's sign-in name, a token's name, or the process."""
    address: Mapped[str | None] = mapped_column(String(64))
    """Where it came from: the network address, None for what happens inside."""
    patient_key: Mapped[int | None]
    recording_key: Mapped[int | None]
    document_key: Mapped[int | None]
    """A report's or a kept object's number; the kind says which."""
    outcome: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """ATNA's outcome: 0 done, 4 refused or failed by a small fault, 8 failed, 12 no longer available."""
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
