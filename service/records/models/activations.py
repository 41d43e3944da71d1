"""Which bundle grades what comes in, and which did before."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base
from service.records.models.gradings import Bundle


class BundleActivation(Base):
    """From when until when a bundle graded what came in, and who wanted it so; one of them is active.

    Without any the bundle of the settings grades.
    """

    __tablename__ = "bundle_activation"
    __table_args__ = (
        Index("uq_bundle_activation_active", "active", unique=True, postgresql_where=text("active")),
        CheckConstraint("active = (ended_at IS NULL)", "active"),
        CheckConstraint("ended_at >= activated_at", "order"),
        CheckConstraint("bundle_key <> replaced_key", "another"),
        CheckConstraint("actor_kind IN ('user', 'token', 'system')", "actor_kind"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    bundle_key: Mapped[int] = mapped_column(ForeignKey("bundle.id"))
    replaced_key: Mapped[int | None] = mapped_column(ForeignKey("bundle.id"))
    """What graded before; None where that could not be read any more."""
    active: Mapped[bool]
    activated_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[dt.datetime | None]
    actor_kind: Mapped[str] = mapped_column(String(16))
    """A value of `ActorKind`."""
    actor: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(String(300), server_default="")
    """Empty where none was given."""

    bundle: Mapped[Bundle] = relationship(foreign_keys=bundle_key)
    replaced: Mapped[Bundle | None] = relationship(foreign_keys=replaced_key)
