"""What clinicians correct about a recording: poses, photos left out, the side; and what follows from it."""

import pytest
from sqlalchemy.orm import Session

from dicom.poses import PERSON, PoseRules
from grading.protocols import JENA9
from service import correcting
from service.correcting import LEFT_OUT, CorrectionError
from service.records.audit import Actor, AuditSearch, find
from service.records.models import ActorKind, Photo, Recording, RecordingState
from service.series import place_photos
from tests.service.clinic import ARRIVED, Clinic
from workers.stages import known_side

CLARA = Actor(ActorKind.USER, "clara")
RULES = PoseRules()


def by_pose(recording: Recording) -> dict[str | None, Photo]:
    return {photo.pose: photo for photo in recording.photos}


def further_photo(recording: Recording, clinic: Clinic, comment: str = "") -> Photo:
    first = recording.photos[0]
    photo = Photo(
        recording_key=recording.id,
        sop_instance_uid=(uid := clinic.uid()),
        sha256="1" * 64,
        size=1,
        storage_key="objects/two.dcm",
        header=first.header | {"sop_instance_uid": uid, "instance_number": 10, "image_comments": comment},
        calling_ae="CAMERA",
        received_at=ARRIVED,
        last_seen_at=ARRIVED,
    )
    clinic.session.add(photo)
    clinic.session.flush()
    clinic.session.refresh(recording, ["photos"])
    return photo


def test_swapped_poses_stand_whatever_the_rules_say(ada: Recording, clinic: Clinic) -> None:
    session = clinic.session
    photos = by_pose(ada)
    nose, smile = photos["NOSE"], photos["SMILE"]
    correcting.correct_photos(session, ada.id, {nose.id: "SMILE", smile.id: "NOSE"}, RULES, CLARA)
    assert ada.state is RecordingState.COMPLETE
    assert place_photos(session, ada, RULES).complete
    assert (nose.pose, nose.pose_rule, smile.pose) == ("SMILE", PERSON, "NOSE")
    # The others were left standing: found by the same rule as before, though that can look at them no more.
    assert photos["REST"].pose == "REST"
    assert photos["REST"].pose_rule != PERSON
    session.flush()
    (event,) = find(session, AuditSearch(actor="clara"), 10)
    assert (event.kind, event.detail) == ("recording.changed", {"change": "photos", "photos": 2})


def test_a_photo_too_many_is_left_out_and_taken_back(ada: Recording, clinic: Clinic) -> None:
    session = clinic.session
    chosen = {photo.id: photo.pose or "" for photo in ada.photos}
    smile = by_pose(ada)["SMILE"]
    extra = further_photo(ada, clinic, "smile")
    # Ten photos are in no known order: the rules know only what this one says itself.
    assert not place_photos(session, ada, RULES).complete
    chosen |= {smile.id: LEFT_OUT, extra.id: "SMILE"}
    correcting.correct_photos(session, ada.id, chosen, RULES, CLARA)
    assert (ada.state, smile.pose, extra.pose) == (RecordingState.COMPLETE, None, "SMILE")
    correcting.correct_photos(session, ada.id, {smile.id: "SMILE", extra.id: LEFT_OUT}, RULES, CLARA)
    assert (ada.state, smile.pose, extra.pose) == (RecordingState.COMPLETE, "SMILE", None)


def test_without_a_photo_of_each_pose_the_recording_waits_with_the_reason(
    ada: Recording, clinic: Clinic
) -> None:
    teeth = by_pose(ada)["TEETH"]
    correcting.correct_photos(clinic.session, ada.id, {teeth.id: LEFT_OUT}, RULES, CLARA)
    assert (ada.state, ada.reason_code) == (RecordingState.NEEDS_ATTENTION, "series.poses")
    assert "Showing teeth" in (ada.reason or "")


def test_a_photo_that_comes_later_is_placed_by_the_rules(ada: Recording, clinic: Clinic) -> None:
    teeth = by_pose(ada)["TEETH"]
    correcting.correct_photos(clinic.session, ada.id, {teeth.id: LEFT_OUT}, RULES, CLARA)
    later = further_photo(ada, clinic, "showing teeth")
    assert place_photos(clinic.session, ada, RULES).complete
    assert later.pose == "TEETH"


@pytest.mark.parametrize("pose", ["SMILE", "NONSENSE"])
def test_two_photos_of_one_pose_and_unknown_poses_are_refused(
    ada: Recording, clinic: Clinic, pose: str
) -> None:
    nose = by_pose(ada)["NOSE"]
    with pytest.raises(CorrectionError):
        correcting.correct_photos(clinic.session, ada.id, {nose.id: pose}, RULES, CLARA)
    assert ada.state is RecordingState.DELIVERED


def test_a_photo_of_another_recording_is_refused(ada: Recording, clinic: Clinic) -> None:
    other = clinic.photos(clinic.recording(ada.patient, None, RecordingState.DELIVERED))
    with pytest.raises(CorrectionError, match="not of this recording"):
        correcting.correct_photos(clinic.session, ada.id, {other[0].id: "REST"}, RULES, CLARA)


def test_nothing_changed_grades_nothing_anew(ada: Recording, clinic: Clinic) -> None:
    poses = {photo.id: photo.pose or "" for photo in ada.photos}
    correcting.correct_photos(clinic.session, ada.id, poses, RULES, CLARA)
    assert ada.state is RecordingState.DELIVERED


def test_the_side_that_a_clinician_set_comes_before_the_surgery_s(ada: Recording, clinic: Clinic) -> None:
    assert known_side(ada) == "L"
    correcting.set_affected_side(clinic.session, ada.id, "R", RULES, CLARA)
    assert (known_side(ada), ada.state) == ("R", RecordingState.COMPLETE)
    correcting.set_affected_side(clinic.session, ada.id, None, RULES, CLARA)
    assert known_side(ada) == "L"
    with pytest.raises(CorrectionError):
        correcting.set_affected_side(clinic.session, ada.id, "B", RULES, CLARA)


def test_while_photos_arrive_corrections_wait_for_the_end_of_the_series(
    ada: Recording, clinic: Clinic
) -> None:
    session: Session = clinic.session
    correcting.reopen(session, ada.id, CLARA)
    assert ada.state is RecordingState.RECEIVING
    correcting.set_affected_side(session, ada.id, "R", RULES, CLARA)
    with pytest.raises(CorrectionError, match="close the series first"):
        correcting.grade_again(session, ada.id, RULES, CLARA)
    assert ada.state is RecordingState.RECEIVING
    correcting.close(session, ada.id, RULES, CLARA)
    assert ada.state is not RecordingState.RECEIVING
    with pytest.raises(CorrectionError, match="ended already"):
        correcting.close(session, ada.id, RULES, CLARA)


def test_every_protocol_pose_can_be_settled(ada: Recording, clinic: Clinic) -> None:
    turned = {photo.id: JENA9.poses[(number + 1) % 9].code for number, photo in enumerate(ada.photos)}
    correcting.correct_photos(clinic.session, ada.id, turned, RULES, CLARA)
    assert place_photos(clinic.session, ada, RULES).complete
    assert {photo.id: photo.pose for photo in ada.photos} == turned
