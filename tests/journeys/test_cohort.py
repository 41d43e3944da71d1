"""A recording of a real face with simulated palsy, as plain photos, through the whole service."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.records.models import Patient, Recording, RecordingState
from tests.journeys.conftest import RunningService, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.cohort]


def test_plain_photos_are_sent_graded_and_placed_around_the_surgery(
    service: RunningService, cohort: Path
) -> None:
    sent = service.command(
        "send", str(cohort / "S030" / "T1"), "--to", str(service.receiver), "--patient", "COHORT-S030",
        "--taken", "2018-10-04",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    assert "9 of 9 objects were taken" in sent.stdout
    added = service.command(
        "surgery", "add", "--patient", "COHORT-S030", "--date", "2018-11-09", "--side", "R",
        "--procedure", "Hypoglossal-facial jump graft",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr

    def recording() -> Recording | None:
        with Session(service.engine) as session:
            return session.scalar(select(Recording).join(Patient).where(Patient.patient_id == "COHORT-S030"))

    def delivered() -> bool:
        row = recording()
        return row is not None and row.state is RecordingState.DELIVERED

    wait_until(delivered, 120, lambda: str(getattr(recording(), "reason", None)))
    row = recording()
    assert row is not None
    assert row.days_from_surgery == -36
