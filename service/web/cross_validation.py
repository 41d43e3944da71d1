"""What a bundle's manifest says of its cross-validation, made ready for tables and plots.

Manifests of bundles of earlier formats, whose gradings may still lie in the records, say less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grading.scales import Item, find_item

PATIENTS, HEALTHY = "patients", "healthy"
_COUNTS = ("recordings", "people", "patients", "healthy", "unusable")


@dataclass(frozen=True)
class Accuracy:
    """How wrong predictions of one item were on people that the model had not seen, in points.

    ``mae`` and ``median_mae``, that of always answering with the median, are of patients; ``healthy_mae`` is
    of healthy people. What the manifest does not tell is None.
    """

    item: Item
    recordings: int | None
    mae: float
    median_mae: float | None
    healthy_mae: float | None

    @property
    def share(self) -> float:
        """The error as a share of the item's range, 0-1."""
        return self.mae / self.item.span


@dataclass(frozen=True)
class Validation:
    """The cross-validation on one cohort; counts are None where the manifest does not tell them."""

    cohort: str
    description: str
    recordings: int | None
    people: int | None
    patients: int | None
    healthy: int | None
    unusable: int | None
    items: tuple[Accuracy, ...]

    @property
    def mean(self) -> float | None:
        """The mean of the items' errors on patients, in points."""
        return sum(one.mae for one in self.items) / len(self.items) if self.items else None


@dataclass(frozen=True)
class Spread:
    """Of an item or folded sub-score: half of the 90 % interval and the detectable change, in points.

    ``coverage`` is the share (0-1) of recordings within the interval; None where the manifest lacks it.
    """

    score: str
    item: Item | None
    half_width: float | None
    coverage: float | None
    mdc: float
    recordings: int | None


def validations(manifest: Mapping[str, Any]) -> tuple[Validation, ...]:
    """The cross-validation by cohort, in the order of the training."""
    training = {cohort["name"]: cohort for cohort in manifest["training"]}
    errors: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {name: {} for name in training}
    for error in manifest["errors"]:
        of_cohort = errors.setdefault(error.get("cohort", ""), {})
        of_cohort.setdefault(error["item"], {})[error["group"]] = error
    return tuple(
        Validation(
            name,
            training.get(name, {}).get("description") or name,
            items=tuple(_accuracy(item, groups) for item, groups in items.items() if PATIENTS in groups),
            **{count: training.get(name, {}).get(count) for count in _COUNTS},
        )
        for name, items in errors.items()
    )


def spreads(manifest: Mapping[str, Any]) -> tuple[Spread, ...]:
    """The intervals and detectable changes, items first."""
    items = {entry["item"] for entry in manifest["errors"]}
    return tuple(
        Spread(
            one["score"],
            find_item(one["score"]) if one["score"] in items else None,
            one.get("half_width"),
            one.get("coverage"),
            one["mdc"],
            one.get("recordings"),
        )
        for one in manifest.get("uncertainties", ())
    )


def _accuracy(item: str, groups: Mapping[str, Mapping[str, Any]]) -> Accuracy:
    patients = groups[PATIENTS]
    healthy = groups.get(HEALTHY)
    return Accuracy(
        find_item(item),
        patients.get("recordings"),
        patients["mae"],
        patients.get("median_mae"),
        healthy["mae"] if healthy else None,
    )
