"""The peer of benchmarks/grading.py: the script that a researcher would write from the paper.

`python -m benchmarks.plain_script FOLDER WEIGHTS` runs it once: dlib's detector on the full photo, the
face's box resized to 224 x 224, torchvision's VGG-16 up to Conv5-3 in float32, one photo at a time, and
scikit-learn's linear SVR with one `predict` per item on the 100,352 activations of the item's photo. The
weights of VGG-16 are random, since its file cannot be had everywhere, and the regressors are fitted to random
activations with random labels: neither changes how long they take.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.svm import SVR
from torchvision.models import vgg16

from grading.backbones import load_backbone
from grading.bundle import BackboneId, Bundle, Head
from grading.novelty import Novelty
from grading.protocols import JENA9
from grading.recipes import paper
from grading.scales import PREDICTED_ITEMS

LAYERS = 30
"""Modules of VGG-16 up to Conv5-3's ReLU."""
SHAPE = (512, 14, 14)
RECORDINGS = 110
"""As many as the paper trained on; nearly every one becomes a support vector."""

_MEAN = torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)
_STD = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)


def write_weights(path: Path) -> None:
    """Random weights of VGG-16 as a `.safetensors` file."""
    torch.manual_seed(1)
    save_file(vgg16(weights=None).state_dict(), path)


def fit_regressors(seed: int = 1) -> dict[str, SVR]:
    """One regressor per item id, with the paper's epsilon, on random activations and labels in 0-1."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((RECORDINGS, int(np.prod(SHAPE))), dtype=np.float32).clip(0)
    return {
        item.id: SVR(kernel="linear", epsilon=0.1).fit(features, rng.random(RECORDINGS))
        for item in PREDICTED_ITEMS
    }


def as_bundle(bundle: Bundle, weights: Path, regressors: Mapping[str, SVR]) -> Bundle:
    """The script's VGG-16 and regressors as a bundle that Facialis grades with."""
    backbone = load_backbone("vgg16", weights=weights, device="cpu")
    heads = tuple(
        Head(
            item.id,
            (np.asarray(regressors[item.id].coef_ * item.span, dtype=np.float32).reshape(SHAPE),),
            item.low + float(regressors[item.id].intercept_[0]) * item.span,
        )
        for item in PREDICTED_ITEMS
    )
    return replace(
        bundle,
        backbone=BackboneId(backbone.name, backbone.layer, backbone.weight_hash),
        recipe=paper(),
        novelty=Novelty(np.zeros(SHAPE[0]), np.ones(SHAPE[0]), 1.0),
        side=None,
        side_right=None,
        heads=heads,
        pose_check=None,
    )


class PlainScript:
    """The script with its networks and regressors loaded."""

    def __init__(self, weights: Mapping[str, torch.Tensor], regressors: Mapping[str, SVR]) -> None:
        whole = vgg16(weights=None)
        whole.load_state_dict(weights)
        self._network = whole.features[:LAYERS].eval()
        self._regressors = regressors
        self._detector = dlib.get_frontal_face_detector()

    def grade(self, folder: Path) -> dict[str, float]:
        """Scores by item id of the nine photos in a folder."""
        features = {pose.code: self._features(folder / f"{pose.number}.jpg") for pose in JENA9.poses}
        scores = {}
        for item in PREDICTED_ITEMS:
            told = float(self._regressors[item.id].predict(features[item.poses[0]])[0])
            scores[item.id] = item.low + told * item.span
        return scores

    def _features(self, path: Path) -> NDArray[np.float32]:
        photo = Image.open(path).convert("RGB")
        box = self._detector(np.asarray(photo), 0)[0]
        face = photo.crop((box.left(), box.top(), box.right(), box.bottom())).resize((224, 224))
        pixels = torch.from_numpy(np.asarray(face).copy()).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            activations: torch.Tensor = self._network((pixels - _MEAN) / _STD)
        return activations.flatten(1).numpy()


if __name__ == "__main__":
    print(PlainScript(load_file(sys.argv[2]), fit_regressors()).grade(Path(sys.argv[1])))
