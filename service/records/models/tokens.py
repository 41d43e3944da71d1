"""Who may use the interfaces for programs."""

import datetime as dt

from sqlalchemy import CheckConstraint, Identity, String, func
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base


class ApiToken(Base):
    """A service's token. What is stored is the SHA-256 of it, so that the table lets nobody in."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("scope IN ('read', 'write', 'admin')", "scope"),
        CheckConstraint("name <> ''", "named"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """As it stands in the audit trail; a revoked token keeps it."""
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(8))
    """The most that it may do; each scope includes those before it."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    """To the minute."""
