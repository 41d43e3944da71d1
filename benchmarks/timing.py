"""How long one call takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """Seconds of wall-clock and of all cores together."""

    wall: float
    cpu: float


def timed(act: Callable[[], object]) -> Spent:
    """How long one call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)
