"""How unlike its training data a recording is to a model.

Every channel of the network answers to some texture or shape. What a recording makes of a channel on average
is compared with what the training recordings made of it, in standard deviations, and the distances over all
channels are averaged (root mean square). Other cameras, light, crops or ages move many channels at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.maps import Maps

QUANTILE = 0.99


@dataclass(frozen=True, eq=False)
class Novelty:
    """``mean`` and ``spread`` (C,) of the channels' averages in the training data.

    ``limit`` is the distance that 99 % of the training recordings stay within.
    """

    mean: NDArray[np.floating]
    spread: NDArray[np.floating]
    limit: float

    def distance(self, maps: Maps) -> NDArray[np.float64]:
        """Distances (n,) to the training data as multiples of the limit: above 1 lies what is unlike it."""
        return _distance(_averages(maps), self.mean, self.spread) / self.limit


def learn_novelty(maps: Maps, usable: NDArray[np.bool_]) -> Novelty:
    """Learn from the recordings of which every photo is ``usable`` (n, poses); from all where none is."""
    whole = usable.all(axis=1)
    averages = _averages(maps)[whole if whole.any() else slice(None)]
    mean, spread = averages.mean(axis=0), averages.std(axis=0)
    # a channel that never answers tells nothing, and must not divide by zero
    spread = np.where(spread > 1e-6, spread, np.inf)
    return Novelty(mean, spread, float(np.quantile(_distance(averages, mean, spread), QUANTILE)) or 1.0)


def _averages(maps: Maps) -> NDArray[np.float64]:
    """What each recording makes of each channel, (n, C)."""
    return np.stack([one.mean(axis=(0, 1, 3, 4), dtype=np.float64) for one in maps.network])


def _distance(
    averages: NDArray[np.float64], mean: NDArray[np.floating], spread: NDArray[np.floating]
) -> NDArray[np.float64]:
    return np.asarray(np.sqrt((((averages - mean) / spread) ** 2).mean(axis=1)))
