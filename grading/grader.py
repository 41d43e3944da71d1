"""From prepared photos to scores, whole recordings in one batch.

PyTorch is imported only when a `Grader` is made: processes that merely handle gradings start without it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grading.bundle import BackboneId, BackboneMismatchError, Bundle
from grading.face import Photo
from grading.framing import split
from grading.gates import Flag
from grading.maps import Maps
from grading.movement import asymmetry, displacement_shape, movement
from grading.parallel import map_threads, small_products
from grading.photos import MissingPoseError
from grading.protocols import PROTOCOLS
from grading.recipes import REST, Source
from grading.scales import SubScore, sub_scores
from grading.scoring import Scored, score_maps

if TYPE_CHECKING:
    from grading.backbones import Backbone, Precision

Displacements = NDArray[np.float32] | None


@dataclass(frozen=True)
class Grading:
    """One model's result for one recording.

    ``scores`` and 90 % prediction ``intervals`` by item id in points, within each item's range;
    ``sub_intervals`` are those of the folded sub-scores by their id. ``side`` is the affected side that was
    assumed, None where the model does not ask for it. ``novelty`` is the distance to the training data, above
    1 unlike it. ``flags`` say what a reader must know: items whose score was outside its range and was
    clipped (`clipped.M4`: there the model extrapolates), a side that was estimated, a recording unlike the
    training data, a network that computed in lower precision (`precision.bfloat16`). The bundle is named by
    its name, version and hash. ``doubts`` are flags of photos that seem to show another pose than they claim
    to, by that pose.
    """

    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    sub_scores: tuple[SubScore, ...]
    sub_intervals: dict[str, tuple[float, float]]
    side: str | None
    novelty: float
    flags: tuple[str, ...]
    bundle_name: str
    bundle_version: str
    bundle_hash: str
    doubts: Mapping[str, Flag] = field(default_factory=dict)


def check_backbone(bundle: Bundle, backbone: "Backbone") -> None:
    """Raise `BackboneMismatchError` unless this is the backbone that the bundle was trained on."""
    needed = bundle.backbone
    here = BackboneId(backbone.name, backbone.layer, backbone.weight_hash)
    if here != needed:
        raise BackboneMismatchError(
            f"bundle {bundle.name} {bundle.version} needs {needed.name} {needed.layer} with weights of "
            f"SHA-256 {needed.weight_hash[:12]}…, here are {here.name} {here.layer} and "
            f"{here.weight_hash[:12]}…: "
            "give the weights it was trained on, or train it again"
        )


class Grader:
    """A bundle with its backbone loaded, ready to grade; make one per process and keep it.

    ``weights`` is the file with the backbone's weights where they are not the network's own, which are looked
    for in ``folder``, by default PyTorch's cache; ``device`` is a torch device, by default CUDA where there
    is one. ``precision`` is what the network computes in: bfloat16 takes about half the time on hardware that
    has it, but moves scores by more than half a point (docs/speed.md), so it is never chosen by itself, and
    every grading made with it bears a flag.

    Raises `BackboneMismatchError` where the weights are not those the bundle was trained on, and what
    `load_backbone` raises.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str | None = None,
        *,
        weights: Path | None = None,
        folder: Path | None = None,
        precision: "Precision" = "float32",
    ) -> None:
        from grading.backbones import load_backbone

        name, layer = bundle.backbone.name, bundle.backbone.layer
        backbone = load_backbone(
            name, layer, weights=weights, folder=folder, device=device, precision=precision
        )
        check_backbone(bundle, backbone)
        self.bundle = bundle
        self.backbone = backbone
        self._flags = () if precision == "float32" else (f"precision.{precision}",)

    def grade(self, crops: Mapping[str, Photo], side: str | None = None) -> Grading:
        """Grade one recording from its crops (H, W * tiles, 3) uint8 by pose code.

        ``side`` is the affected side, `R` or `L`; None has it estimated, where the model asks for it. Poses
        that no item needs may be there and are not looked at. Raises `MissingPoseError`.
        """
        return self.grade_many([crops], [side])[0]

    def grade_many(
        self, recordings: Sequence[Mapping[str, Photo]], sides: Sequence[str | None] | None = None
    ) -> list[Grading]:
        """Grade several recordings, all their photos in one batch; results in the same order.

        Raises `MissingPoseError` where any of them lacks a pose.
        """
        return self.grade_maps(self.maps(recordings), sides) if recordings else []

    def grade_maps(self, maps: Maps, sides: Sequence[str | None] | None = None) -> list[Grading]:
        """As `grade_many`, for recordings whose maps are there already."""
        check = self.bundle.pose_check
        with small_products():
            scored = score_maps(self.bundle, maps, sides or [None] * len(maps))
            doubts = check.flags(maps) if check else [{} for _ in range(len(maps))]
        return [self._grading(*one) for one in zip(scored, doubts, strict=True)]

    def maps(self, recordings: Sequence[Mapping[str, Photo]]) -> Maps:
        """What the bundle reads of recordings, from their crops by pose code; one or more of them.

        Raises `MissingPoseError` where any of them lacks a pose.
        """
        for crops in recordings:
            missing = [pose for pose in self.bundle.poses if pose not in crops]
            if missing:
                by_code = PROTOCOLS[self.bundle.protocol].by_code
                raise MissingPoseError([by_code[pose] for pose in missing])
        poses, tiles = self.bundle.poses, self.bundle.preprocessing.tiles
        halves = [[split(crops[pose], tiles) for pose in poses] for crops in recordings]
        batch = np.stack([tile for crops in halves for photo in crops for tile in photo])
        network = self.backbone.features(batch)
        network = network.reshape(len(recordings), len(poses), tiles, *network.shape[1:])
        shape = (*network.shape[:3], *displacement_shape(*batch.shape[1:3]))

        def follow(source: Source, compare: Callable[[int, int, int], NDArray[np.float32]]) -> Displacements:
            read = self.bundle.recipe.reads(source)
            if not read:
                return None
            found = np.zeros(shape, dtype=np.float32)
            places = [place for place in np.ndindex(shape[:3]) if poses[place[1]] in read]
            for place, one in zip(places, map_threads(lambda at: compare(*at), places), strict=True):
                found[place] = one
            return found

        def moved(row: int, pose: int, tile: int) -> NDArray[np.float32]:
            return movement(halves[row][poses.index(REST)][tile], halves[row][pose][tile])

        def unlike(row: int, pose: int, tile: int) -> NDArray[np.float32]:
            return asymmetry(halves[row][pose][tile], halves[row][pose][1 - tile])

        return Maps(poses, network, follow("movement", moved), follow("asymmetry", unlike))

    def _grading(self, scored: Scored, doubts: Mapping[str, Flag]) -> Grading:
        return Grading(
            scored.scores,
            scored.intervals,
            sub_scores(scored.scores),
            scored.sub_intervals,
            scored.side,
            scored.novelty,
            (*scored.flags, *self._flags),
            self.bundle.name,
            self.bundle.version,
            self.bundle.hash,
            doubts,
        )
