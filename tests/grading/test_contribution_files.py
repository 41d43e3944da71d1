"""The parts of scores outlive the network that made them."""

import numpy as np
import pytest

from grading.contribution_files import (
    DamagedContributionsError,
    contributions_from_bytes,
    contributions_to_bytes,
)
from grading.contributions import Contributions, Part

RNG = np.random.default_rng(3)
FOUND = (
    Contributions(
        "M1",
        98.25,
        True,
        (
            Part("network", "REST", RNG.normal(size=(2, 22, 10))),
            Part("movement", "BROW", RNG.normal(size=(2, 44, 20))),
        ),
    ),
    Contributions("R3", 101.5, False, (Part("asymmetry", "REST", RNG.normal(size=(1, 44, 20))),)),
)


def test_parts_come_back_in_their_order_and_add_up_to_the_same_score() -> None:
    back = contributions_from_bytes(contributions_to_bytes(FOUND))
    assert list(back) == ["M1", "R3"]
    for one in FOUND:
        other = back[one.item]
        assert (other.start, other.balanced) == (one.start, one.balanced)
        assert [(p.source, p.pose) for p in other.parts] == [(p.source, p.pose) for p in one.parts]
        assert other.score == pytest.approx(one.score, abs=1e-4)


def test_the_same_parts_give_the_same_bytes() -> None:
    assert contributions_to_bytes(FOUND) == contributions_to_bytes(FOUND)


@pytest.mark.parametrize("damaged", [b"", b"{}", contributions_to_bytes(FOUND)[:-9]])
def test_a_damaged_file_says_what_to_do(damaged: bytes) -> None:
    with pytest.raises(DamagedContributionsError, match="graded again"):
        contributions_from_bytes(damaged)
