"""A trained model on disk: a folder with `weights.safetensors` and `manifest.json`, never a pickle.

The manifest says what the model is, what it reads, what it was trained on, how wrong it was on people it had
not seen, and which backbone it needs. The weights file holds per item the tensors `<item>.<n>` (C, rows, W)
float32, one for each block of the recipe, in points per unit of its features, and `<item>.bias` () float64 in
points; likewise for `side`, the head that tells the affected side. `novelty.mean` and `novelty.spread` (C,)
describe the activations of the training data. Where a reference is known, `<item>.reference.<source>.<pose>`
(tiles, H, W) float32 are its points, see `Head`. A bundle that checks poses has `pose.weights` and
`pose.bias`, see `PoseCheck`; one that carries the predictions of its cross-validation has `held_out.*`, see
`HeldOut`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from grading.described_recipes import describe_recipe, restore_recipe
from grading.errors import PermanentError
from grading.framing import Preprocessing
from grading.held_out import HeldOut, restore_held_out
from grading.maps import Cases, Maps, block_features
from grading.novelty import Novelty
from grading.pose_check import PoseCheck, restore_pose_check
from grading.recipes import Block, Recipe
from grading.scales import find_item
from grading.uncertainty import Uncertainty

FORMAT = 4
_FORMAT_WITHOUT_PREDICTIONS = 3
"""What a bundle without them is written as, so that those of before keep their hash."""
SIDE = "side"
"""The name of the head that tells the affected side."""
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
    """The linear model of one item: score = sum over blocks of sum(features * ``weights``) + ``bias``.

    ``weights`` are (C, rows, W) float32 for each block that the recipe names for the item. The score is in
    points, before clipping to the item's range. ``reference`` is what a balanced face adds to it place by
    place, in points: (tiles, H, W) by `source.pose`, the affected side's tile first; empty where it is not
    known. It explains scores (`grading.contributions`) and is no part of them.
    """

    item: str
    weights: tuple[NDArray[np.float32], ...]
    bias: float
    reference: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def score(self, blocks: Sequence[Block], maps: Maps, cases: Cases) -> NDArray[np.float64]:
        """Raw scores (m,) in points; they may leave the item's range."""
        total = np.full(len(cases), self.bias)
        for block, weights in zip(blocks, self.weights, strict=True):
            features = block_features(block, maps, cases).reshape(len(cases), -1)
            total += features.astype(np.float64) @ weights.ravel().astype(np.float64)
        return total


@dataclass(frozen=True)
class BackboneId:
    """What a bundle needs of its backbone: its name, layer and the hash of its weights."""

    name: str
    layer: str
    weight_hash: str


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
        return self.mae / find_item(self.item).span


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model and what must be said about it.

    ``commissioning`` is true until it was trained on graded patients: every page then says "not for clinical
    use". ``folds`` is the number of folds, split by person, behind ``errors`` and ``uncertainties``. ``side``
    tells the affected side where the record does not, and was right in ``side_right`` (0-1) of the training
    recordings whose side is known; both are None where the recipe does not ask for it. ``pose_check`` is None
    in bundles of before there was one, and where there was too little to learn it from. ``held_out`` are the
    single predictions behind ``errors``; None in bundles of before they were kept.
    """

    name: str
    version: str
    created: date
    commissioning: bool
    protocol: str
    backbone: BackboneId
    recipe: Recipe
    training: tuple[TrainingSet, ...]
    folds: int
    errors: tuple[ItemError, ...]
    uncertainties: tuple[Uncertainty, ...]
    novelty: Novelty
    side: Head | None
    side_right: float | None
    heads: tuple[Head, ...]
    pose_check: PoseCheck | None = None
    held_out: HeldOut | None = None

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all that the bundle says and every weight, however the files are written."""
        digest = hashlib.sha256(json.dumps(describe_bundle(self), sort_keys=True).encode())
        tensors = _tensors(self)
        for name in sorted(tensors):
            digest.update(f"{name} {tensors[name].dtype.str}".encode())
            digest.update(tensors[name].tobytes())
        return digest.hexdigest()

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos become the crops that this model reads."""
        return self.recipe.preprocessing

    @property
    def poses(self) -> tuple[str, ...]:
        """Codes of the poses that the items need, each once."""
        return self.recipe.poses


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle to a folder, which is made if need be; a bundle already there is replaced."""
    weights = save(_tensors(bundle))
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
    formats = (FORMAT, _FORMAT_WITHOUT_PREDICTIONS)
    if not isinstance(manifest, dict) or manifest.get("format") not in formats:
        raise DamagedBundleError(
            f"{folder / MANIFEST} is not of format {FORMAT}: update Facialis or {remedy}"
        )
    if hashlib.sha256(weights).hexdigest() != manifest.get("weights_sha256"):
        raise DamagedBundleError(f"{folder / WEIGHTS} is not the file the manifest describes: {remedy}")
    try:
        bundle = _restore(manifest, load(weights))
    except (KeyError, TypeError, ValueError, AttributeError, SafetensorError, PermanentError) as error:
        raise DamagedBundleError(f"{folder / MANIFEST} lacks or garbles {error}: {remedy}") from error
    if bundle.hash != manifest.get("hash"):
        raise DamagedBundleError(f"{folder / MANIFEST} was changed after training: {remedy}")
    return bundle


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """What a bundle says of itself, ready for JSON: its manifest without the checksums."""
    return {
        "format": FORMAT if bundle.held_out else _FORMAT_WITHOUT_PREDICTIONS,
        "name": bundle.name,
        "version": bundle.version,
        "created": bundle.created.isoformat(),
        "commissioning": bundle.commissioning,
        "notice": "Commissioning model: not for clinical use." if bundle.commissioning else "",
        "protocol": bundle.protocol,
        "items": [{"item": head.item, "pose": find_item(head.item).pose} for head in bundle.heads],
        "backbone": asdict(bundle.backbone),
        "recipe": describe_recipe(bundle.recipe),
        "training": [asdict(cohort) for cohort in bundle.training],
        "folds": bundle.folds,
        "errors": [asdict(error) | {"share_of_range": error.share_of_range} for error in bundle.errors],
        "uncertainties": [asdict(one) for one in bundle.uncertainties],
        "novelty_limit": bundle.novelty.limit,
        "side_right": bundle.side_right,
        **({"pose_check": bundle.pose_check.describe()} if bundle.pose_check else {}),
        **({"held_out": bundle.held_out.describe()} if bundle.held_out else {}),
    }


def _tensors(bundle: Bundle) -> dict[str, NDArray[Any]]:
    """Every number of a model by the name it has in the weights file."""
    tensors: dict[str, NDArray[Any]] = {
        "novelty.mean": np.asarray(bundle.novelty.mean, dtype="<f4"),
        "novelty.spread": np.asarray(bundle.novelty.spread, dtype="<f4"),
    }
    for head in (*bundle.heads, *([bundle.side] if bundle.side else [])):
        for number, weights in enumerate(head.weights):
            tensors[f"{head.item}.{number}"] = np.ascontiguousarray(weights, dtype="<f4")
        tensors[f"{head.item}.bias"] = np.asarray(head.bias, dtype="<f8")
        for key, places in head.reference.items():
            tensors[f"{head.item}.reference.{key}"] = np.ascontiguousarray(places, dtype="<f4")
    for part in (bundle.pose_check, bundle.held_out):
        tensors |= part.tensors() if part else {}
    return tensors


def _restore(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Bundle:
    recipe = restore_recipe(manifest["recipe"])
    backbone = BackboneId(**manifest["backbone"])
    errors = [{key: value for key, value in e.items() if key != "share_of_range"} for e in manifest["errors"]]
    items = tuple(find_item(entry["item"]).id for entry in manifest["items"])
    return Bundle(
        name=manifest["name"],
        version=manifest["version"],
        created=date.fromisoformat(manifest["created"]),
        commissioning=manifest["commissioning"],
        protocol=manifest["protocol"],
        backbone=backbone,
        recipe=recipe,
        training=tuple(TrainingSet(**cohort) for cohort in manifest["training"]),
        folds=manifest["folds"],
        errors=tuple(ItemError(**error) for error in errors),
        uncertainties=tuple(Uncertainty(**one) for one in manifest["uncertainties"]),
        novelty=Novelty(tensors["novelty.mean"], tensors["novelty.spread"], manifest["novelty_limit"]),
        side=_restore_head(SIDE, recipe.side, tensors) if recipe.side else None,
        side_right=manifest["side_right"],
        heads=tuple(_restore_head(item, recipe.blocks[item], tensors) for item in items),
        pose_check=restore_pose_check(manifest["pose_check"], tensors) if "pose_check" in manifest else None,
        held_out=restore_held_out(manifest["held_out"], items, tensors) if "held_out" in manifest else None,
    )


def _restore_head(item: str, blocks: Sequence[Block], tensors: Mapping[str, NDArray[Any]]) -> Head:
    weights = tuple(tensors[f"{item}.{number}"] for number in range(len(blocks)))
    if any(one.ndim != 3 for one in weights):
        raise ValueError(f"the weights of {item}")
    prefix = f"{item}.reference."
    reference = {key.removeprefix(prefix): tensors[key] for key in sorted(tensors) if key.startswith(prefix)}
    return Head(item, weights, float(tensors[f"{item}.bias"]), reference)
