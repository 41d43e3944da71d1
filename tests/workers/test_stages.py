"""What preparing and grading make of a series: flags that are kept, and why one waits for a person."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from benchmarks.spoiling import Spoil, blurred, rolled
from grading.backbones import load_backbone
from grading.bundle import COMMISSIONING_BUNDLE, load_bundle, save_bundle
from grading.eyes import find_eyes
from grading.face import Photo as Pixels
from grading.face import find_face
from grading.gates import Severity
from grading.pose_check import PoseCheck
from grading.protocols import JENA9
from service.documents import MAPS, gather_source, make_document
from service.kept_maps import kept_maps
from service.photo_settings import QualitySettings
from service.records import flow
from service.records.gradings import scores_of
from service.records.models import Grading, Recording, RecordingState
from service.settings import Settings
from service.storage import FolderStorage
from tests.workers.conftest import Arrive
from workers import tasks

# A network is loaded, and faces are found in photos.
pytestmark = pytest.mark.journey


def recording(engine: Engine, recording_id: int) -> Recording:
    with Session(engine) as session:
        return session.scalars(
            select(Recording).where(Recording.id == recording_id).options(selectinload(Recording.photos))
        ).one()


def spoilt(photos: dict[str, Pixels], pose: str, spoil: Spoil) -> dict[str, Pixels]:
    photo = photos[pose]
    return {**photos, pose: spoil(photo, find_eyes(photo, find_face(photo)), np.random.default_rng(0))}


@pytest.fixture(scope="module")
def doubting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commissioning bundle, to which every photo looks like pursed lips."""
    bundle = load_bundle(COMMISSIONING_BUNDLE)
    backbone = load_backbone(bundle.backbone.name, bundle.backbone.layer)
    shape = backbone.map_shape(*bundle.preprocessing.frame.shape)
    weights = np.zeros((len(bundle.poses), *shape), dtype=np.float32)
    bias = np.array([float(pose == "PUCKER") for pose in bundle.poses])
    folder = tmp_path_factory.mktemp("bundle")
    save_bundle(replace(bundle, pose_check=PoseCheck(bundle.poses, weights, bias, 0.0, ())), folder)
    return folder


def test_a_photo_of_another_pose_is_told_by_the_grading_or_waits_for_a_person(
    engine: Engine,
    arrive: Arrive,
    use: Callable[[Settings], None],
    photos: dict[str, Pixels],
    doubting: Path,
) -> None:
    use(Settings(bundle=doubting))
    number = arrive(photos)
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    with Session(engine) as session:
        flags = session.scalars(select(Grading)).one().flags
    assert {flag for flag in flags if flag.startswith("pose.")} == {
        f"pose.wrong.PUCKER ({pose})" for pose in JENA9.by_code if pose != "PUCKER"
    }
    with Session(engine) as session, session.begin():
        flow.move(session.get_one(Recording, number), RecordingState.COMPLETE)
    use(Settings(bundle=doubting, quality=QualitySettings(severities={"pose.wrong": Severity.REJECT})))
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    row = recording(engine, number)
    assert row.state is RecordingState.NEEDS_ATTENTION
    assert row.reason_code == "pose.wrong"
    assert row.reason is not None
    assert "Photo 6 (Smile, closed mouth): the photo seems to show another pose" in row.reason
    assert "Photo 8" not in row.reason


@pytest.mark.usefixtures("use")
def test_what_a_gate_warns_of_is_kept_with_the_photo_and_told_by_the_grading(
    engine: Engine, arrive: Arrive, photos: dict[str, Pixels]
) -> None:
    number = arrive(spoilt(photos, "NOSE", blurred(0.03)))
    tasks.prepare_recording(number)
    row = recording(engine, number)
    assert row.state is RecordingState.PREPARED
    assert {photo.pose: photo.flags for photo in row.photos if "photo.blurred" in photo.flags} == {
        "NOSE": ["photo.blurred"]
    }
    tasks.grade_recording(number)
    with Session(engine) as session:
        assert "photo.blurred (NOSE)" in session.scalars(select(Grading)).one().flags


def test_what_a_gate_rejects_waits_for_a_person_until_the_rules_let_it_pass(
    engine: Engine, arrive: Arrive, use: Callable[[Settings], None], photos: dict[str, Pixels]
) -> None:
    number = arrive(spoilt(photos, "TEETH", rolled(14)))
    tasks.prepare_recording(number)
    row = recording(engine, number)
    assert row.state is RecordingState.NEEDS_ATTENTION
    assert row.reason_code == "face.tilted"
    assert row.reason == (
        "Photo 7 (Showing teeth): the head leans to one shoulder; keep it and the camera upright."
    )
    with Session(engine) as session, session.begin():
        flow.retry(session, session.get_one(Recording, number))
    use(Settings(quality=QualitySettings(severities={"face.tilted": Severity.WARN})))
    tasks.prepare_recording(number)
    row = recording(engine, number)
    assert row.state is RecordingState.PREPARED
    assert [photo.pose for photo in row.photos if "face.tilted" in photo.flags] == ["TEETH"]


@pytest.mark.usefixtures("use")
def test_the_parts_of_every_score_are_kept_with_the_grading(
    engine: Engine, arrive: Arrive, photos: dict[str, Pixels], tmp_path: Path
) -> None:
    number = arrive(photos)
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    with Session(engine) as session:
        grading = session.scalars(select(Grading)).one()
        scores = scores_of(grading)
        maps = kept_maps(FolderStorage(tmp_path / "files"), grading, scores)
        clipped = {flag.removeprefix("clipped.") for flag in grading.flags}
        recording = session.get_one(Recording, number)
        source = gather_source(session, FolderStorage(tmp_path / "files"), recording, grading, every_map=True)
    pictures = dcmread(io.BytesIO(make_document(MAPS, source).dicom))
    assert pictures.pixel_array.shape == (len(scores), 512, 848, 3)
    assert all(f"{item}, photo" in pictures.ImageComments for item in scores)
    assert {each.ReferencedSOPInstanceUID for each in pictures.SourceImageSequence} == {
        photo.sop_instance_uid for photo in recording.photos
    }
    assert [one.found.item for one in maps] == list(scores)
    for one in maps:
        if one.found.item not in clipped:
            assert one.found.score == pytest.approx(scores[one.found.item], abs=0.01)
