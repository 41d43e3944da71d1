"""Settings of the daily constancy check."""

import datetime as dt

from pydantic import Field

from service.peer_settings import Section


class ConstancySettings(Section):
    """When a phantom goes through grading, and how far its scores may be from earlier ones."""

    daily: bool = True
    """Whether it goes every night; at other times only when somebody asks for it."""
    at: dt.time = dt.time(3)
    """When, in the zone of the pages (`web.time_zone`)."""
    limit: float = Field(default=0.5, gt=0)
    """Points by which no item may differ from the last check by the same bundle."""
    drift_limit: float = Field(default=0.5, gt=0)
    """Points by which no item may differ from the first check by the same bundle."""
