"""Processes of the service that give signs of life, wherever they run."""

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, Identity, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base


class ProcessKind(enum.StrEnum):
    """What a process is there for."""

    WORKER = "worker"
    RECEIVER = "receiver"
    CLOCK = "clock"
    """The search for work left behind, told of by the worker that made it for the clock."""


class Process(Base):
    """A process and its last sign of life; one that ends in order takes its row along."""

    __tablename__ = "process"
    __table_args__ = (
        UniqueConstraint("kind", "host", "pid"),
        CheckConstraint("kind IN ('worker', 'receiver', 'clock')", "kind"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(64))
    pid: Mapped[int]
    queues: Mapped[list[str]] = mapped_column(server_default="[]")
    """That it serves, of a worker."""
    started_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    seen_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    task: Mapped[str | None] = mapped_column(String(64))
    """What it was doing then: the name of a queue; None for nothing."""
    row_id: Mapped[int | None]
    """The recording, delivery or other row that the task is about."""
    busy_since: Mapped[dt.datetime | None]
