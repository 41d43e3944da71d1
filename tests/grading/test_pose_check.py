"""Poses told apart from activations, on maps made up of a person, movements of each half, and noise."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from grading import pose_learning
from grading.cohort import Cohort, LabelledRecording
from grading.features import CohortMaps
from grading.gates import Flag
from grading.maps import Maps
from grading.pose_check import PoseCheck, judged, restore_pose_check
from grading.pose_learning import learn_pose_check

POSES = ("REST", "BROW", "SMILE", "TEETH", "PUCKER")
SHAPE = (6, 4, 3)
MOVEMENTS = np.random.default_rng(99).normal(size=(len(POSES), *SHAPE))
MOVEMENTS[0] = 0.0


def activations(
    seed: int, strength: tuple[float, float] = (1.0, 1.0), noise: float = 0.2
) -> NDArray[np.float32]:
    """One recording (P, 2, C, H, W); ``strength``: how far each half of the face moves, 0-1."""
    rng = np.random.default_rng(seed)
    person = 5 * rng.normal(size=(1, 2, *SHAPE))
    moved = MOVEMENTS[:, None] * np.array(strength)[:, None, None, None]
    return (person + moved + noise * rng.normal(size=(len(POSES), 2, *SHAPE))).astype(np.float32)


def cohort_of(sides: list[str | None], noise: float = 0.2) -> tuple[Cohort, CohortMaps]:
    """One recording per person; the affected half moves little."""
    network = np.stack(
        [
            activations(seed, {"R": (0.1, 1.0), "L": (1.0, 0.1), None: (1.0, 1.0)}[side], noise)
            for seed, side in enumerate(sides)
        ]
    )
    recordings = tuple(
        LabelledRecording(f"S{n}", "1", f"p{n}", side is None, side, {}, {}) for n, side in enumerate(sides)
    )
    maps = CohortMaps(Maps(POSES, network), np.ones((len(sides), len(POSES)), dtype=np.bool_), ())
    return Cohort("made up", "made up", recordings), maps


SIDES: list[str | None] = ["R", "L", None] * 8


def learn(sides: list[str | None] = SIDES, noise: float = 0.2) -> PoseCheck:
    cohort, maps = cohort_of(sides, noise)
    check = learn_pose_check([cohort], maps, folds=6)
    assert check is not None
    return check


@pytest.fixture(scope="module")
def check() -> PoseCheck:
    return learn()


def flags(check: PoseCheck, recording: NDArray[np.float32]) -> dict[str, Flag]:
    return check.flags(Maps(POSES, recording[None]))[0]


@pytest.mark.parametrize("strength", [(1.0, 1.0), (0.0, 1.0), (1.0, 0.1), (0.6, 0.0)])
def test_photos_in_their_order_raise_no_alarm_whichever_half_is_palsied(
    check: PoseCheck, strength: tuple[float, float]
) -> None:
    assert flags(check, activations(1000, strength)) == {}


@pytest.mark.parametrize("strength", [(1.0, 1.0), (0.0, 1.0), (1.0, 0.1)])
def test_photos_that_changed_places_are_told_with_what_they_show(
    check: PoseCheck, strength: tuple[float, float]
) -> None:
    order = [0, 1, 4, 3, 2]
    assert flags(check, activations(1001, strength)[order]) == {
        "SMILE": Flag("pose.wrong", detail="PUCKER"),
        "PUCKER": Flag("pose.wrong", detail="SMILE"),
    }


def test_a_movement_that_neither_half_made_is_called_so(check: PoseCheck) -> None:
    recording = activations(1002)
    recording[3] = activations(1002, noise=0.25)[0]
    assert flags(check, recording) == {"TEETH": Flag("pose.unperformed")}


def test_a_movement_at_rest_is_wrong_rather_than_unperformed(check: PoseCheck) -> None:
    recording = activations(1003)
    recording[0] = recording[1]
    assert flags(check, recording)["REST"] == Flag("pose.wrong", detail="BROW")


def test_who_is_shown_and_in_which_light_does_not_matter(check: PoseCheck) -> None:
    recording = activations(1004)
    other = recording + 40 * np.random.default_rng(5).normal(size=(1, 2, *SHAPE)).astype(np.float32)
    scores, others = (check.scores(Maps(POSES, one[None])) for one in (recording, other))
    assert others == pytest.approx(scores, abs=1e-3)


def test_the_rates_are_those_on_people_not_seen(check: PoseCheck) -> None:
    (rates,) = check.rates
    assert (rates.cohort, rates.photos) == ("made up", len(SIDES) * len(POSES))
    assert rates.false_alarms <= 0.01
    assert rates.exchanged > 0.99
    assert rates.unperformed is not None
    assert rates.unperformed > 0.95
    assert np.diag(rates.confusion).sum() >= 0.99 * rates.photos


def test_where_photos_tell_nothing_few_are_flagged_and_the_rates_say_so() -> None:
    (rates,) = learn(noise=500.0).rates
    assert rates.false_alarms <= 0.02
    assert rates.exchanged < 0.2
    assert np.diag(rates.confusion).sum() < 0.6 * rates.photos


def test_recordings_with_an_unusable_photo_are_left_out() -> None:
    cohort, maps = cohort_of(SIDES)
    usable = maps.usable.copy()
    usable[3, 2] = False
    network = maps.maps.network.copy()
    network[3] = np.nan
    check = learn_pose_check([cohort], CohortMaps(Maps(POSES, network), usable, ()), folds=6)
    assert check is not None
    assert check.rates[0].photos == (len(SIDES) - 1) * len(POSES)
    assert np.isfinite(check.weights).all()


def test_of_many_recordings_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_learning, "MOST_RECORDINGS", 10)
    assert learn().rates[0].photos == 10 * len(POSES)


def test_one_person_or_one_pose_is_too_little_to_learn_from() -> None:
    cohort, maps = cohort_of(SIDES)
    alone = replace(cohort, recordings=tuple(replace(r, person="one") for r in cohort.recordings))
    assert learn_pose_check([alone], maps, folds=6) is None
    single = CohortMaps(Maps(POSES[:1], maps.maps.network[:, :1]), maps.usable[:, :1], ())
    assert learn_pose_check([cohort], single, folds=6) is None


def test_a_whole_face_without_a_twin_is_judged_as_it_is() -> None:
    cohort, maps = cohort_of([None] * 12)
    whole = Maps(POSES, maps.maps.network[:, :, :1])
    check = learn_pose_check([cohort], CohortMaps(whole, maps.usable, ()), folds=6)
    assert check is not None
    assert check.flags(whole) == [{}] * 12
    assert check.rates[0].exchanged > 0.9


def test_other_poses_than_learned_are_refused(check: PoseCheck) -> None:
    with pytest.raises(ValueError, match="the check knows the poses"):
        check.flags(Maps(POSES[::-1], activations(1)[None]))


def test_the_lead_is_that_over_the_best_other_pose_in_the_half_that_shows_the_series_better() -> None:
    still = [[0.4, 0.3, 0.3], [0.4, 0.3, 0.3], [0.4, 0.3, 0.3]]
    moving = [[0.9, 0.1, 0.0], [0.2, 0.8, 0.3], [0.1, 0.6, 0.5]]
    scores = np.array([[list(pair) for pair in zip(still, moving, strict=True)]])
    lead, seen = judged(scores)
    assert lead == pytest.approx(np.array([[0.8, 0.5, -0.1]]))
    assert seen.tolist() == [[1, 2, 1]]
    lead, seen = judged(scores, np.array([0, 2, 1]))
    assert lead == pytest.approx(np.array([[0.8, -0.5, 0.1]]))
    assert seen.tolist() == [[1, 1, 2]]


def test_a_check_comes_back_from_what_a_bundle_keeps(check: PoseCheck) -> None:
    again = restore_pose_check(check.describe(), check.tensors())
    assert (again.poses, again.limit, again.rates) == (check.poses, check.limit, check.rates)
    maps = Maps(POSES, activations(7)[None])
    assert np.array_equal(again.scores(maps), check.scores(maps))
    for spoilt in ({"pose.bias": np.zeros(2)}, {"pose.weights": np.zeros((5, 6), np.float32)}):
        with pytest.raises(ValueError, match="pose check"):
            restore_pose_check(check.describe(), check.tensors() | spoilt)
