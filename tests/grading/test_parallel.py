"""Doing the same to every photo on all cores."""

import pytest

from grading.parallel import map_threads


def test_results_come_in_the_order_of_the_things() -> None:
    assert map_threads(lambda number: number**2, range(50)) == [number**2 for number in range(50)]
    assert map_threads(str, []) == []


def test_the_first_things_error_is_raised() -> None:
    def act(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        if number == 1:
            raise ValueError("one")
        return number

    with pytest.raises(ValueError, match="one"):
        map_threads(act, range(4))
