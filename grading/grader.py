"""From prepared photos to scores, whole recordings in one batch.

PyTorch is imported only when a `Grader` is made: processes that merely handle gradings start without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grading.bundle import BackboneId, BackboneMismatchError, Bundle
from grading.face import Photo
from grading.photos import MissingPoseError
from grading.protocols import PROTOCOLS
from grading.scales import EFACE, SubScore, sub_scores

if TYPE_CHECKING:
    from grading.backbones import Backbone


@dataclass(frozen=True)
class Grading:
    """One model's result for one recording.

    ``scores`` by item id in points, within each item's range; ``flags`` name items whose score was outside
    it and was clipped (`clipped.M4`): there the model extrapolates. The bundle is named by its name, version
    and hash.
    """

    scores: dict[str, float]
    sub_scores: tuple[SubScore, ...]
    flags: tuple[str, ...]
    bundle_name: str
    bundle_version: str
    bundle_hash: str


def check_backbone(bundle: Bundle, backbone: "Backbone") -> None:
    """Raise `BackboneMismatchError` unless this is the backbone that the bundle was trained on."""
    needed = bundle.backbone
    here = BackboneId(backbone.name, backbone.layer, backbone.weight_hash, backbone.shape)
    if here != needed:
        raise BackboneMismatchError(
            f"bundle {bundle.name} {bundle.version} needs {needed.name} {needed.layer} with weights of "
            f"SHA-256 {needed.weight_hash[:12]}…, here are {here.name} {here.layer} and "
            f"{here.weight_hash[:12]}…: "
            "give the weights it was trained on, or train it again"
        )


class Grader:
    """A bundle with its backbone loaded, ready to grade; make one per process and keep it.

    ``weights`` is the file with the backbone's weights where they are not the network's own; ``device`` a
    torch device, by default CUDA where there is one.

    Raises `BackboneMismatchError` where the weights are not those the bundle was trained on, and what
    `load_backbone` raises.
    """

    def __init__(self, bundle: Bundle, device: str | None = None, *, weights: Path | None = None) -> None:
        from grading.backbones import load_backbone

        backbone = load_backbone(bundle.backbone.name, bundle.backbone.layer, weights=weights, device=device)
        check_backbone(bundle, backbone)
        self.bundle = bundle
        self._backbone = backbone

    def grade(self, crops: Mapping[str, Photo]) -> Grading:
        """Grade one recording from its crops (size, size, 3) uint8 by pose code.

        Poses that no item needs may be there and are not looked at. Raises `MissingPoseError`.
        """
        return self.grade_many([crops])[0]

    def grade_many(self, recordings: Sequence[Mapping[str, Photo]]) -> list[Grading]:
        """Grade several recordings, all their photos in one batch; results in the same order.

        Raises `MissingPoseError` where any of them lacks a pose.
        """
        if not recordings:
            return []
        poses = self.bundle.poses
        for crops in recordings:
            missing = [pose for pose in poses if pose not in crops]
            if missing:
                by_code = PROTOCOLS[self.bundle.protocol].by_code
                raise MissingPoseError([by_code[pose] for pose in missing])
        batch = np.stack([crops[pose] for crops in recordings for pose in poses])
        activations = self._backbone.features(batch)
        raw = {
            head.item: head.score(activations[poses.index(head.pose) :: len(poses)])
            for head in self.bundle.heads
        }
        return [
            self._grading({item: float(scores[number]) for item, scores in raw.items()})
            for number in range(len(recordings))
        ]

    def _grading(self, raw: Mapping[str, float]) -> Grading:
        scores = {}
        flags = []
        for item_id, score in raw.items():
            item = EFACE.by_id[item_id]
            scores[item_id] = min(max(score, item.low), item.high)
            if scores[item_id] != score:
                flags.append(f"clipped.{item_id}")
        return Grading(
            scores,
            sub_scores(scores),
            tuple(flags),
            self.bundle.name,
            self.bundle.version,
            self.bundle.hash,
        )
