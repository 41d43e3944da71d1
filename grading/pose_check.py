"""Whether a photo shows the pose that it claims to, told from the maps that grading computes anyway.

A linear classifier reads by how much the network's activations of each half of a face differ from their mean
over the series: who is shown, the light and the camera are in every photo and drop out. The half that shows
the claimed poses better over the whole series is judged, so that a palsied half, which stays at rest, neither
raises an alarm nor hides one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grading.gates import UNPERFORMED, WRONG, Flag
from grading.maps import Maps
from grading.recipes import REST

Floats = NDArray[np.floating]
Places = NDArray[np.int_]


@dataclass(frozen=True)
class PoseRates:
    """How a pose check fared on people of ``cohort`` that it had not seen; shares are 0-1.

    ``false_alarms``: of good photos that were flagged. ``exchanged``: of pairs of photos that changed places
    in which one at least was flagged. ``unperformed``: of movement photos replaced by the rest photo that
    were flagged; None where the rest photo is not read. ``confusion``: photos by the pose they show (row)
    and the one that was seen (column).
    """

    cohort: str
    photos: int
    false_alarms: float
    exchanged: float
    unperformed: float | None
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class PoseCheck:
    """A linear classifier of poses.

    ``weights`` (P, C, H, W) and ``bias`` (P,) score how much a half of a face, less the mean over its series,
    looks like each of ``poses``. ``limit`` is the lead of the claimed pose over the best other one below
    which a photo is flagged; it is at most 0, so that another pose is seen in what is flagged.
    """

    poses: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: Floats
    limit: float
    rates: tuple[PoseRates, ...]

    def flags(self, maps: Maps) -> list[dict[str, Flag]]:
        """For each recording the flags of its photos by the pose that they claim; empty where all are right.

        ``maps`` must have the check's poses in their order; ValueError where they have not.
        """
        if maps.poses != self.poses:
            raise ValueError(f"the check knows the poses {self.poses}, the maps show {maps.poses}")
        lead, seen = judged(self.scores(maps))
        return [
            {
                pose: _flag(self.poses[other])
                for pose, ahead, other in zip(self.poses, leads, others, strict=True)
                if ahead < self.limit
            }
            for leads, others in zip(lead, seen, strict=True)
        ]

    def scores(self, maps: Maps) -> Floats:
        """How much each photo's each tile looks like each pose, (n, P, tiles, P)."""
        weights = self.weights.reshape(len(self.poses), -1)
        return np.stack(
            [centred(one).reshape(*one.shape[:2], -1) @ weights.T + self.bias for one in maps.network]
        )

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Its numbers by the names they have in a bundle's weights."""
        return {
            "pose.weights": np.ascontiguousarray(self.weights, dtype="<f4"),
            "pose.bias": np.ascontiguousarray(self.bias, dtype="<f8"),
        }

    def describe(self) -> dict[str, Any]:
        """What a bundle's manifest says of it."""
        return {
            "poses": list(self.poses),
            "limit": self.limit,
            "rates": [asdict(rates) for rates in self.rates],
        }


def restore_pose_check(described: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> PoseCheck:
    """The check that `PoseCheck.describe` and `PoseCheck.tensors` tell of.

    Raises KeyError, TypeError or ValueError where they do not fit.
    """
    poses = tuple(described["poses"])
    weights, bias = tensors["pose.weights"], tensors["pose.bias"]
    if weights.ndim != 4 or weights.shape[0] != len(poses) or bias.shape != (len(poses),):
        raise ValueError("the weights of the pose check")
    rates = tuple(
        PoseRates(**one | {"confusion": tuple(map(tuple, one["confusion"]))}) for one in described["rates"]
    )
    return PoseCheck(poses, weights, bias, described["limit"], rates)


def centred(network: Floats) -> Floats:
    """Activations (P, tiles, …) of a recording less their mean over its poses, for each tile."""
    return np.asarray(network - network.mean(axis=0))


def judged(scores: Floats, claims: Places | None = None) -> tuple[Floats, Places]:
    """The lead (n, P) of what the photos of n series claim to show, and the strongest other pose (n, P).

    ``scores`` are (n, P, tiles, P), ``claims`` (P,) the places of the claimed poses; by default the photos
    show the poses in their order. Of the tiles counts that in which the leads of a series add up to more.
    """
    photos = np.arange(scores.shape[1])
    claims = photos if claims is None else claims
    claimed = scores[:, photos, :, claims].transpose(1, 0, 2)
    others = scores.copy()
    others[:, photos, :, claims] = -np.inf
    leads = claimed - others.max(axis=3)
    series, half = np.arange(len(scores)), leads.sum(axis=1).argmax(axis=1)
    return leads[series, :, half], others.argmax(axis=3)[series, :, half]


def _flag(seen: str) -> Flag:
    return Flag(UNPERFORMED) if seen == REST else Flag(WRONG, detail=seen)
