"""Points that a person marked in a photo."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String, func
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base


class Landmarks(Base):
    """The points of one photo as they were last saved: the clinicians’, or those of one assignment."""

    __tablename__ = "landmarks"

    photo_key: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True)
    assignment: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    """Number of the rater's assignment that they belong to; 0 for those that clinicians share."""
    points: Mapped[dict[str, Any]]
    """By id of `grading.landmarks.POINTS`, each [x, y] in pixels of the view."""
    model: Mapped[str] = mapped_column(String(64))
    """Name of the model that placed them before a person looked at them."""
    licence: Mapped[str] = mapped_column(String(200))
    """That model's."""
    automatic: Mapped[list[str]]
    """Ids of the points that were left where the model had found them."""
    marked_by: Mapped[str] = mapped_column(String(128))
    marked_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
