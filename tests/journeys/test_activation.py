"""Another bundle is activated in a running service: it grades the next series, nothing is started again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from dicom.sending import send_objects
from grading.bundle import COMMISSIONING_BUNDLE, load_bundle, save_bundle
from service.records.gradings import active_grading
from service.records.models import RecordingState
from tests.journeys.conftest import RunningService
from tests.journeys.series import photos, series_uid, write_series

pytestmark = pytest.mark.journey


def graded_by(service: RunningService, folder: Path, name: str) -> str:
    """Send a series and wait for its report; the name of the bundle that graded it."""
    files = write_series(folder / name, name, photos(seed=41))
    assert all(outcome.ok for outcome in send_objects(files, service.receiver, calling_ae="CAMERA"))
    row = service.wait_for(series_uid(name))
    assert row.state is RecordingState.DELIVERED
    with Session(service.engine) as session:
        grading = active_grading(session, row.id)
        assert grading is not None
        return grading.bundle.name


def test_the_next_series_is_graded_by_the_activated_bundle_and_after_rolling_back_by_the_old_one(
    service: RunningService, tmp_path: Path
) -> None:
    def command(*arguments: str) -> str:
        done = service.command("bundle", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = graded_by(service, tmp_path, "before")
    save_bundle(replace(load_bundle(COMMISSIONING_BUNDLE), name="department"), tmp_path / "bundle")
    assert "is installed" in command("install", str(tmp_path / "bundle"))
    (new,) = (one for one in json.loads(command("list", "--json")) if one["name"] == "department")
    command("activate", new["hash"][:12], "--reason", "a try")
    try:
        assert graded_by(service, tmp_path, "activated") == "department"
    finally:
        # The service is that of all journeys.
        command("rollback")
    assert graded_by(service, tmp_path, "back") == before
    last, first = json.loads(command("history", "--json"))[:2]
    assert (first["bundle"].split()[0], first["reason"]) == ("department", "a try")
    assert last["bundle"].split()[0] == before
