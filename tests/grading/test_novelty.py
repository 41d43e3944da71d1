"""Recordings like the training data lie within the limit, others beyond it, the more the further off."""

import numpy as np
import pytest

from grading.maps import Maps
from grading.novelty import learn_novelty

POSES = ("REST", "SMILE")


def recordings(count: int, seed: int, shift: float = 0.0, channels: int = 8) -> Maps:
    """Maps whose channels vary from recording to recording, all moved by ``shift`` of that variation."""
    rng = np.random.default_rng(seed)
    level = rng.normal(shift, 1, size=(count, 1, 1, channels, 1, 1))
    grain = rng.normal(0, 0.5, size=(count, len(POSES), 2, channels, 6, 4))
    return Maps(POSES, (level + grain).astype(np.float32))


def everything(maps: Maps) -> np.ndarray:
    return np.ones(maps.network.shape[:2], dtype=np.bool_)


def test_new_recordings_of_the_same_kind_are_rarely_called_unlike() -> None:
    seen = recordings(500, 1)
    novelty = learn_novelty(seen, everything(seen))
    assert (novelty.distance(seen) > 1).mean() == pytest.approx(0.01, abs=0.003)
    assert (novelty.distance(recordings(2000, 2)) > 1).mean() < 0.03


def test_the_further_off_the_larger_the_distance() -> None:
    seen = recordings(200, 1)
    novelty = learn_novelty(seen, everything(seen))
    distances = [np.median(novelty.distance(recordings(50, 3, shift))) for shift in (0, 1, 2, 4, 8)]
    assert distances == sorted(distances)
    assert distances[0] < 1 < distances[3]


def test_the_limit_comes_from_recordings_of_which_every_photo_is_usable() -> None:
    seen = recordings(60, 1)
    usable = everything(seen)
    seen.network[50:, 0] = 0
    usable[50:, 0] = False
    whole = Maps(POSES, seen.network[:50])
    assert learn_novelty(seen, usable).limit == pytest.approx(learn_novelty(whole, everything(whole)).limit)
    usable[:] = False
    assert np.isfinite(learn_novelty(seen, usable).limit)


def test_a_channel_that_never_answered_does_not_count() -> None:
    seen, new = recordings(60, 1), recordings(5, 2)
    seen.network[:, :, :, 0] = 0
    novelty = learn_novelty(seen, everything(seen))
    before = novelty.distance(new)
    new.network[:, :, :, 0] += 1000
    assert novelty.distance(new) == pytest.approx(before)
    assert np.isfinite(before).all()


def test_one_recording_is_like_itself() -> None:
    only = recordings(1, 1)
    assert learn_novelty(only, everything(only)).distance(only) == pytest.approx([0.0])
