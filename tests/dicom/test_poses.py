"""Which photo shows which pose: codes, words, order; and that nothing is guessed."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom.headers import PhotoHeader
from dicom.poses import PoseRules, PoseRulesError, assign_poses
from dicom.uids import derived_uid
from grading.protocols import JENA9

CODES = [pose.code for pose in JENA9.poses]


def shot(key: str, **values: object) -> PhotoHeader:
    header = PhotoHeader(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.77.1.4",
        sop_instance_uid=derived_uid(key),
        series_uid=derived_uid("series"),
        study_uid=derived_uid("study"),
    )
    return replace(header, **values)  # type: ignore[arg-type]


def coded(code: str, key: str = "", **values: object) -> PhotoHeader:
    return shot(key or code, context_codes=(f"99FACEPALSY:{code}",), **values)


def numbered(first: int = 1, count: int = 9, **values: object) -> list[PhotoHeader]:
    return [shot(f"n{n}", instance_number=n, **values) for n in range(first, first + count)]


def test_codes_decide() -> None:
    result = assign_poses([coded(code) for code in CODES], PoseRules(), JENA9)
    assert result.complete
    assert result.problem() is None
    assert set(result.poses.values()) == set(CODES)
    assert set(result.by.values()) == {"code"}


def test_code_comes_before_words_and_words_before_numbers() -> None:
    photo = coded("SMILE", image_comments="at rest", instance_number=3)
    assert assign_poses([photo], PoseRules(), JENA9).poses == {photo.sop_instance_uid: "SMILE"}
    reordered = assign_poses([photo], PoseRules(order=("text", "code")), JENA9)
    assert reordered.by == {photo.sop_instance_uid: "text"}
    assert reordered.poses == {photo.sop_instance_uid: "REST"}


@pytest.mark.parametrize(
    ("words", "code"),
    [(pose.name, pose.code) for pose in JENA9.poses]
    + [(pose.code, pose.code) for pose in JENA9.poses if pose.code != "CORNERS"]
    + [
        ("At rest", "REST"),
        ("Gesicht in Ruhe", "REST"),
        ("raise eyebrows", "BROW"),
        ("Stirnrunzeln", "BROW"),
        ("Augen leicht geschlossen", "EYESOFT"),
        ("eyes closed, gently", "EYESOFT"),
        ("Sanfter Lidschluss", "EYESOFT"),
        ("eyes tightly closed", "EYETIGHT"),
        ("forced eye closure", "EYETIGHT"),
        ("Augen fest zukneifen", "EYETIGHT"),
        ("Naserümpfen", "NOSE"),
        ("Nase rümpfen", "NOSE"),
        ("Lächeln mit geschlossenem Mund", "SMILE"),
        ("Zähne zeigen", "TEETH"),
        ("Lips puckered", "PUCKER"),
        ("Mund spitzen", "PUCKER"),
        ("Mundwinkel senken", "CORNERS"),
        ("mouth corners down", "CORNERS"),
    ],
)
def test_comments_in_english_and_german_are_understood(words: str, code: str) -> None:
    photo = shot("one", image_comments=words)
    assert assign_poses([photo], PoseRules(), JENA9).poses == {photo.sop_instance_uid: code}


@pytest.mark.parametrize("words", ["smile showing teeth", "Augen geschlossen", "eyes closed", "photo 3", ""])
def test_unclear_comments_decide_nothing(words: str) -> None:
    result = assign_poses([shot("one", image_comments=words)], PoseRules(), JENA9)
    assert result.poses == {}
    assert len(result.undecided) == 1


def test_comment_naming_two_poses_is_not_settled_by_the_number() -> None:
    photos = numbered()
    photos[4] = replace(photos[4], image_comments="smile, then show teeth")
    result = assign_poses(photos, PoseRules(), JENA9)
    assert result.undecided == (photos[4].sop_instance_uid,)
    assert not result.complete


def test_codes_naming_two_poses_leave_the_photo_undecided() -> None:
    photo = shot("two", context_codes=("99FACEPALSY:REST", "99FACEPALSY:SMILE"), image_comments="rest")
    assert assign_poses([photo], PoseRules(), JENA9).undecided == (photo.sop_instance_uid,)


def test_one_series_per_pose_is_told_by_its_description() -> None:
    photos = [
        shot(pose.code, series_uid=derived_uid(pose.code), series_description=pose.name, instance_number=1)
        for pose in JENA9.poses
    ]
    assert assign_poses(photos, PoseRules(), JENA9).complete


def test_description_that_all_photos_share_says_nothing_of_one() -> None:
    result = assign_poses(numbered(series_description="Smile analysis"), PoseRules(), JENA9)
    assert set(result.by.values()) == {"instance_number"}
    assert result.complete


@pytest.mark.parametrize("first", [0, 1, 101])
def test_numbers_without_a_gap_decide(first: int) -> None:
    photos = numbered(first)
    result = assign_poses(photos, PoseRules(), JENA9)
    assert [result.poses[photo.sop_instance_uid] for photo in photos] == CODES


@pytest.mark.parametrize(
    "photos",
    [
        numbered(count=8),
        numbered(count=10),
        [*numbered(count=8), shot("gap", instance_number=10)],
        [*numbered(count=8), shot("again", instance_number=8)],
        [*numbered(count=8), shot("unnumbered")],
        [*numbered(count=8), shot("other", instance_number=9, series_uid=derived_uid("other"))],
    ],
)
def test_numbers_that_do_not_fit_decide_nothing(photos: list[PhotoHeader]) -> None:
    assert assign_poses(photos, PoseRules(), JENA9).poses == {}


def test_number_does_not_decide_against_a_code() -> None:
    photos = numbered()
    photos[0] = replace(photos[0], context_codes=("99FACEPALSY:SMILE",))
    result = assign_poses(photos, PoseRules(), JENA9)
    assert result.poses == {photos[0].sop_instance_uid: "SMILE"}
    assert len(result.undecided) == 8


def test_number_fills_in_what_agrees_with_the_codes() -> None:
    photos = numbered()
    photos[5] = replace(photos[5], context_codes=("99FACEPALSY:SMILE",))
    result = assign_poses(photos, PoseRules(), JENA9)
    assert result.complete
    assert result.by[photos[5].sop_instance_uid] == "code"


def test_two_photos_of_a_pose_conflict_and_are_both_kept() -> None:
    photos = [coded(code) for code in CODES] + [coded("SMILE", "retake")]
    result = assign_poses(photos, PoseRules(), JENA9)
    assert set(result.conflicts) == {"SMILE"}
    assert len(result.conflicts["SMILE"]) == 2
    assert not result.complete
    assert result.problem() == "2 photos show Smile, closed mouth: choose one."


def test_problem_says_what_to_do() -> None:
    photos = [coded(code) for code in CODES[:7]] + [shot("odd")]
    assert assign_poses(photos, PoseRules(), JENA9).problem() == (
        "1 photo does not say which pose it shows: choose its pose. "
        "No photo shows Pursed lips, Lowered mouth corners: send what is missing."
    )


def test_site_can_set_its_own_codes_and_words() -> None:
    rules = PoseRules(codes={"99SITE:B": "BROW"}, patterns=((r"^pic a$", "REST"),))
    photos = [shot("b", context_codes=("99SITE:B",)), shot("a", image_comments="PIC A")]
    assert assign_poses(photos, rules, JENA9).poses == {
        photos[0].sop_instance_uid: "BROW",
        photos[1].sop_instance_uid: "REST",
    }


@pytest.mark.parametrize("settings", [{"order": ("luck",)}, {"patterns": (("(", "REST"),)}])
def test_unusable_rules_are_refused(settings: dict[str, tuple[object, ...]]) -> None:
    with pytest.raises(PoseRulesError):
        PoseRules(**settings)  # type: ignore[arg-type]


shots = st.lists(
    st.tuples(
        st.lists(st.sampled_from([f"99FACEPALSY:{code}" for code in CODES] + ["SCT:225583004"]), max_size=2),
        st.sampled_from([pose.name for pose in JENA9.poses] + ["", "smile with teeth", "photo"]),
        st.one_of(st.none(), st.integers(1, 10)),
    ),
    max_size=11,
)


@given(shots, st.permutations(("code", "text", "instance_number")).map(tuple), st.randoms())
def test_every_photo_is_accounted_for_whatever_the_order(
    values: list[tuple[list[str], str, int | None]], order: tuple[str, ...], chance: random.Random
) -> None:
    photos = [
        shot(f"photo {i}", context_codes=tuple(codes), image_comments=comment, instance_number=number)
        for i, (codes, comment, number) in enumerate(values)
    ]
    result = assign_poses(photos, PoseRules(order=order), JENA9)
    shuffled = list(photos)
    chance.shuffle(shuffled)
    assert assign_poses(shuffled, PoseRules(order=order), JENA9) == result
    assert set(result.poses) | set(result.undecided) == {photo.sop_instance_uid for photo in photos}
    assert not set(result.poses) & set(result.undecided)
    assert set(result.by) == set(result.poses)
    shown = list(result.poses.values())
    assert {code for code in CODES if shown.count(code) > 1} == set(result.conflicts)
    assert {code for code in CODES if code not in shown} == {pose.code for pose in result.missing}
    assert result.complete == (sorted(shown) == sorted(CODES) and len(photos) == 9)
    assert (result.problem() is None) == result.complete
