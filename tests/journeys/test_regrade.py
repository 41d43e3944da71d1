"""The archive of a running service is graded by another bundle, by its own workers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dicom.sending import send_objects
from grading.bundle import COMMISSIONING_BUNDLE, load_bundle, save_bundle
from service.records.models import Grading, RecordingState
from tests.journeys.conftest import RunningService
from tests.journeys.series import photos, series_uid, write_series

pytestmark = pytest.mark.journey


def test_a_running_service_grades_its_archive_by_another_bundle_and_compares_both(
    service: RunningService, tmp_path: Path
) -> None:
    files = write_series(tmp_path, "archived", photos(seed=31))
    assert all(outcome.ok for outcome in send_objects(files, service.receiver, calling_ae="CAMERA"))
    row = service.wait_for(series_uid("archived"))
    assert row.state is RecordingState.DELIVERED
    folder = tmp_path / "bundle"
    # Another bundle, whose scores are the same: only its check of poses is left out.
    save_bundle(replace(load_bundle(COMMISSIONING_BUNDLE), pose_check=None), folder)
    begun = service.command("regrade", "--bundle", str(folder))
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.startswith("finished")
    (told,) = json.loads(service.command("regrade", "status", "--json").stdout)
    assert (told["waiting"], told["failed"]) == (0, 0)
    with Session(service.engine) as session:
        old, new = session.scalars(
            select(Grading).where(Grading.recording_key == row.id).order_by(Grading.id)
        )
        assert (old.active, new.active) == (True, False)
    compared = service.command("regrade", "compare", "--bundle", told["bundle_hash"], "--json")
    assert {one["largest"] for one in json.loads(compared.stdout)} == {0.0}
