"""A trained model on disk: a folder with `weights.safetensors` and `manifest.json`, never a pickle.

The manifest says what the model is, what it was trained on, how wrong it was on people it had not seen, and
which backbone and preprocessing it needs. The weights file holds per item the tensors `<item>.weight`
(C, H, W) float32, in points per unit of activation, and `<item>.bias` () float64 in points.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from grading.errors import PermanentError
from grading.face import Preprocessing
from grading.regression import Regression
from grading.scales import EFACE

FORMAT = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
COMMISSIONING_BUNDLE = Path(__file__).parent / "bundles" / "commissioning"
"""The bundle that comes with Facialis."""


class DamagedBundleError(PermanentError):
    """A bundle is incomplete, changed, or of a format that this version does not know."""

    code = "bundle.damaged"


class BackboneMismatchError(PermanentError):
    """A bundle was trained on another backbone than the one at hand."""

    code = "bundle.backbone_mismatch"


@dataclass(frozen=True, eq=False)
class Head:
    """The linear model of one item: score = sum(activations * ``weights``) + ``bias``, before clipping.

    ``weights`` are (C, H, W) float32 in points; ``pose`` is the code of the photo that it reads.
    """

    item: str
    pose: str
    weights: NDArray[np.float32]
    bias: float

    def score(self, activations: NDArray[np.float32]) -> NDArray[np.float64]:
        """Raw scores (N,) in points of activations (N, C, H, W); they may leave the item's range."""
        flat = activations.reshape(len(activations), -1).astype(np.float64)
        scores: NDArray[np.float64] = flat @ self.weights.ravel().astype(np.float64) + self.bias
        return scores


@dataclass(frozen=True)
class BackboneId:
    """What a bundle needs of its backbone: its name, layer, the hash of its weights and (C, H, W)."""

    name: str
    layer: str
    weight_hash: str
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class TrainingSet:
    """One cohort a model was trained on, in counts.

    ``people`` are distinct faces; ``patients`` and ``healthy`` count recordings; ``unusable`` counts photos
    left out because no face could be cut from them.
    """

    name: str
    description: str
    recordings: int
    people: int
    patients: int
    healthy: int
    unusable: int


@dataclass(frozen=True)
class ItemError:
    """How wrong cross-validated predictions of one item were, in points.

    Measured on the recordings of ``cohort`` in ``group`` ("all", "patients" or "healthy"), each predicted by
    a model that had seen no recording of that person. ``median_mae`` is the error of always answering with
    the median label of the same cohort and group in the training folds: a model is of use only below it.
    """

    item: str
    cohort: str
    group: str
    recordings: int
    mae: float
    median_mae: float

    @property
    def share_of_range(self) -> float:
        """The mean absolute error as a share of the item's range, 0-1."""
        return self.mae / EFACE.by_id[self.item].span


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model and what must be said about it.

    ``commissioning`` is true until it was trained on graded patients: every page then says "not for clinical
    use". ``folds`` is the number of folds, split by person, behind ``errors``.
    """

    name: str
    version: str
    created: date
    commissioning: bool
    protocol: str
    backbone: BackboneId
    preprocessing: Preprocessing
    regression: Regression
    training: tuple[TrainingSet, ...]
    folds: int
    errors: tuple[ItemError, ...]
    heads: tuple[Head, ...]

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all that the bundle says and every weight, however the files are written."""
        digest = hashlib.sha256(json.dumps(describe_bundle(self), sort_keys=True).encode())
        for head in self.heads:
            digest.update(head.weights.astype("<f4").tobytes())
            digest.update(np.asarray(head.bias, dtype="<f8").tobytes())
        return digest.hexdigest()

    @property
    def poses(self) -> tuple[str, ...]:
        """Codes of the poses that the items need, each once."""
        return tuple(dict.fromkeys(head.pose for head in self.heads))


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle to a folder, which is made if need be; a bundle already there is replaced."""
    tensors: dict[str, NDArray[Any]] = {}
    for head in bundle.heads:
        tensors[f"{head.item}.weight"] = np.ascontiguousarray(head.weights, dtype=np.float32)
        tensors[f"{head.item}.bias"] = np.asarray(head.bias, dtype=np.float64)
    weights = save(tensors)
    manifest = describe_bundle(bundle) | {
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "hash": bundle.hash,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((WEIGHTS, weights), (MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")):
        partial = folder / f".{name}.part"
        partial.write_bytes(content)
        partial.replace(folder / name)


def load_bundle(folder: Path) -> Bundle:
    """Read and verify a bundle.

    Raises `DamagedBundleError`, naming the file and what to do.
    """
    remedy = "restore the bundle from where it came, or train it again"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise DamagedBundleError(
            f"{folder} is no bundle ({MANIFEST} or {WEIGHTS} cannot be read): {remedy}"
        ) from error
    except ValueError as error:
        raise DamagedBundleError(f"{folder / MANIFEST} is not JSON: {remedy}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DamagedBundleError(
            f"{folder / MANIFEST} is not of format {FORMAT}: update Facialis or {remedy}"
        )
    if hashlib.sha256(weights).hexdigest() != manifest.get("weights_sha256"):
        raise DamagedBundleError(f"{folder / WEIGHTS} is not the file the manifest describes: {remedy}")
    try:
        bundle = _restore(manifest, load(weights))
    except (KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
        raise DamagedBundleError(f"{folder / MANIFEST} lacks or garbles {error}: {remedy}") from error
    if bundle.hash != manifest.get("hash"):
        raise DamagedBundleError(f"{folder / MANIFEST} was changed after training: {remedy}")
    return bundle


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """What a bundle says of itself, ready for JSON: its manifest without the checksums."""
    return {
        "format": FORMAT,
        "name": bundle.name,
        "version": bundle.version,
        "created": bundle.created.isoformat(),
        "commissioning": bundle.commissioning,
        "notice": "Commissioning model: not for clinical use." if bundle.commissioning else "",
        "protocol": bundle.protocol,
        "items": [{"item": head.item, "pose": head.pose} for head in bundle.heads],
        "backbone": asdict(bundle.backbone),
        "preprocessing": asdict(bundle.preprocessing),
        "regression": asdict(bundle.regression),
        "training": [asdict(cohort) for cohort in bundle.training],
        "folds": bundle.folds,
        "errors": [asdict(error) | {"share_of_range": error.share_of_range} for error in bundle.errors],
    }


def _restore(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Bundle:
    backbone = manifest["backbone"]
    shape = tuple(backbone["shape"])
    preprocessing = manifest["preprocessing"]
    heads = []
    for entry in manifest["items"]:
        item = EFACE.by_id[entry["item"]]
        weights = tensors[f"{item.id}.weight"]
        if weights.shape != shape:
            raise ValueError(f"the weights of {item.id}")
        heads.append(Head(item.id, entry["pose"], weights, float(tensors[f"{item.id}.bias"])))
    errors = [{key: value for key, value in e.items() if key != "share_of_range"} for e in manifest["errors"]]
    return Bundle(
        name=manifest["name"],
        version=manifest["version"],
        created=date.fromisoformat(manifest["created"]),
        commissioning=manifest["commissioning"],
        protocol=manifest["protocol"],
        backbone=BackboneId(**backbone | {"shape": shape}),
        preprocessing=Preprocessing(
            **preprocessing | {"detector_sides": tuple(preprocessing["detector_sides"])}
        ),
        regression=Regression(**manifest["regression"]),
        training=tuple(TrainingSet(**cohort) for cohort in manifest["training"]),
        folds=manifest["folds"],
        errors=tuple(ItemError(**error) for error in errors),
        heads=tuple(heads),
    )
