"""What all tables share: the states, the types of columns, the columns of work."""

import datetime as dt
import enum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class RecordingState(enum.StrEnum):
    """Where a recording is on its way."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    PREPARED = "prepared"
    GRADED = "graded"
    REPORTED = "reported"
    DELIVERED = "delivered"
    NEEDS_ATTENTION = "needs_attention"


class DeliveryState(enum.StrEnum):
    """Where one document is on its way to one destination."""

    WAITING = "waiting"
    """For the report to be signed off."""
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"
    """It had failed, and a person gave it up."""


def worded(enumeration: type[enum.Enum], name: str = "state", *, length: int = 32) -> Enum:
    """The type of a column that holds an enumeration's values as text, and by a constraint nothing else."""
    return Enum(
        enumeration,
        native_enum=False,
        length=length,
        values_callable=lambda kind: [member.value for member in kind],
        create_constraint=True,
        name=name,
    )


class Base(DeclarativeBase):
    """Root of the tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        dt.datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        int: BigInteger,
        RecordingState: worded(RecordingState),
        DeliveryState: worded(DeliveryState),
    }


class Leased:
    """Columns of a row that is work: who holds it until when, how often it was tried, when to try next.

    ``attempts`` counts tries that ended in an orderly way and sets the wait before the next; ``crashes``
    counts workers that died or failed unexpectedly while holding the row, and ends the trying.
    """

    attempts: Mapped[int] = mapped_column(server_default="0")
    crashes: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[dt.datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime | None]
    enqueued_at: Mapped[dt.datetime | None]
