"""Doing the same to every photo of a series on all cores.

Pillow, dlib, OpenCV and SciPy let other threads run while they compute, so threads are enough.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")


def map_threads(act: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """What ``act`` makes of each thing, in their order, computed on as many threads as there are cores.

    Raises what it raises for the first thing that it raises for; by then others may have been done.
    """
    things = list(things)
    with ThreadPoolExecutor(max(1, min(len(things), os.cpu_count() or 1))) as pool:
        return list(pool.map(act, things))


@contextmanager
def small_products() -> Iterator[None]:
    """Within it, matrix products are computed on one core.

    For small ones more cores are no help, and OpenBLAS's threads go on waiting busily for more, in the way of
    what comes next: a recording took half as long again.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
