"""What people made of a recording, on any scale that the project knows."""

import datetime as dt

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    String,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grading.scales import SCALES, Item
from service.records.models.base import Base
from service.records.models.recordings import Recording


class Rater(Base):
    """Somebody who scores recordings; ``name`` is how annotations and tables call them."""

    __tablename__ = "rater"
    __table_args__ = (CheckConstraint("name <> ''", "name_given"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Annotation(Base):
    """One rater's scores of one recording on one scale, the first time or once more."""

    __tablename__ = "annotation"
    __table_args__ = (
        UniqueConstraint("recording_key", "rater_key", "scale", "repeat"),
        CheckConstraint("repeat IN (0, 1)", "repeat"),
        # what the scores refer to, so that each is of the annotation's scale
        UniqueConstraint("id", "scale"),
        CheckConstraint(f"scale IN ({', '.join(repr(scale) for scale in SCALES)})", "scale"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"))
    rater_key: Mapped[int] = mapped_column(ForeignKey("rater.id"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    repeat: Mapped[int] = mapped_column(server_default="0")
    """1 where it only shows how far the rater agrees with what was given before: no score of it counts."""
    note: Mapped[str] = mapped_column(server_default="")
    rated_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())

    recording: Mapped[Recording] = relationship()
    rater: Mapped[Rater] = relationship()
    scores: Mapped[list["AnnotationScore"]] = relationship(
        order_by="AnnotationScore.id", cascade="all, delete-orphan"
    )


def _allowed(scale: str, item: Item) -> str:
    if item.ordinal:
        within = f"IN ({', '.join(f'{answer:g}' for answer in item.answers)})"
    else:
        within = f"BETWEEN {item.low:g} AND {item.high:g}"
    return f"(scale = '{scale}' AND item = '{item.id}' AND value {within})"


IN_RANGE = " OR ".join(_allowed(scale.id, item) for scale in SCALES.values() for item in scale.items)
"""SQL: the item is of the scale, and takes the value."""


class AnnotationScore(Base):
    """A rater's score of one item of the annotation's scale, one that the item takes."""

    __tablename__ = "annotation_score"
    __table_args__ = (
        UniqueConstraint("annotation_key", "item"),
        ForeignKeyConstraint(
            ["annotation_key", "scale"], ["annotation.id", "annotation.scale"], ondelete="CASCADE"
        ),
        CheckConstraint(IN_RANGE, "in_range"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    annotation_key: Mapped[int]
    scale: Mapped[str] = mapped_column(String(32))
    item: Mapped[str] = mapped_column(String(8))
    value: Mapped[float]
