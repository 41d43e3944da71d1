"""How often somebody may do something: a bucket of permissions that refills steadily."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

MOST_KNOWN = 10_000


@dataclass
class _Bucket:
    left: float
    at: float


class RateLimit:
    """At most ``per_minute`` in any minute for each key, in bursts of up to ``burst``; safe between threads.

    Kept in this process: several web processes each have their own.
    """

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_minute / 60
        self.burst = burst
        self._clock = clock
        self._buckets: dict[Hashable, _Bucket] = {}
        self._lock = Lock()

    def take(self, key: Hashable) -> float:
        """Use one permission; seconds to wait if there is none, 0 if it was given."""
        with self._lock:
            now = self._clock()
            bucket = self._bucket(key, now)
            bucket.left = min(self.burst, bucket.left + (now - bucket.at) * self.per_second)
            bucket.at = now
            if bucket.left < 1:
                return (1 - bucket.left) / self.per_second
            bucket.left -= 1
            return 0.0

    def _bucket(self, key: Hashable, now: float) -> _Bucket:
        bucket = self._buckets.pop(key, None)
        if bucket is None and len(self._buckets) >= MOST_KNOWN:
            # The one that was used longest ago, which is most likely full.
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket or _Bucket(self.burst, now)
        return self._buckets[key]
