"""What the pages about bundles show, gathered from the records and the storage."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from grading.bundle import Bundle as Model
from grading.errors import PermanentError
from grading.held_out import Pairs
from grading.weights import SOURCES
from service import activating
from service.bundles import installed_bundle, is_installed, network_is_here, served_bundle
from service.records import activations
from service.records.bundle_use import Use, adoptable, not_graded_by, use_of_bundles
from service.records.models import Bundle, BundleActivation
from service.settings import Settings
from service.storage import Storage
from service.web.cross_validation import Accuracy, Spread, Validation, spreads, validations
from service.web.error_plot import ErrorPlot, plot_errors
from service.web.scatter_plot import Panel, plot_predictions


@dataclass(frozen=True)
class Listed:
    """One bundle of the list; ``here`` says whether its files are, so that it might be activated."""

    row: Bundle
    here: bool
    validations: tuple[Validation, ...]
    use: Use


@dataclass(frozen=True)
class Overview:
    """Every bundle, and the one that grades: by an activation, else by the settings.

    ``fault`` says why the files of the one that grades cannot be used, None if they can.
    """

    listed: tuple[Listed, ...]
    now: Bundle | None
    activation: BundleActivation | None
    named: Bundle | None
    fault: str | None

    @property
    def by_hash(self) -> dict[str, Bundle]:
        """The bundles by their hash."""
        return {one.row.hash: one.row for one in self.listed}

    @property
    def former(self) -> Bundle | None:
        """What graded before the active one, to which one can go back."""
        return self.activation.replaced if self.activation else None


@dataclass(frozen=True)
class ShownBundle:
    """One bundle in full.

    ``measured`` are the cohorts that errors are told of, each with its plot and the panels of its single
    predictions; none where the bundle carries no predictions, or its files are not here.
    """

    row: Bundle
    now: Bundle | None
    activation: BundleActivation | None
    here: bool
    fault: str | None
    licence: str | None
    network_here: bool
    validations: tuple[Validation, ...]
    measured: tuple[tuple[Validation, ErrorPlot, tuple[Panel, ...]], ...]
    spreads: tuple[Spread, ...]
    use: Use
    to_regrade: int
    to_adopt: int

    @property
    def active(self) -> bool:
        """Whether it grades what comes in."""
        return self.now is not None and self.now.id == self.row.id

    @property
    def former(self) -> bool:
        """Whether it is what graded before."""
        return self.activation is not None and self.activation.replaced_key == self.row.id


@dataclass(frozen=True)
class Pair:
    """One item by two bundles, in points."""

    before: Accuracy
    after: Accuracy

    @property
    def difference(self) -> float:
        """The error after less the one before: negative where it became smaller."""
        return self.after.mae - self.before.mae


@dataclass(frozen=True)
class ComparedCohort:
    """A cohort that both bundles were cross-validated on; ``same`` if on as many recordings and people.

    ``panels`` are those of single predictions, none unless both bundles carry them.
    """

    before: Validation
    after: Validation
    pairs: tuple[Pair, ...]
    plot: ErrorPlot
    panels: tuple[Panel, ...]
    same: bool


def overview(session: Session, storage: Storage, settings: Settings) -> Overview:
    """What the list shows; the bundle of the settings is made known by it."""
    named = activating.named_by_settings(session, settings)
    activation = activations.active(session)
    now = activation.bundle if activation else named
    use = use_of_bundles(session)
    return Overview(
        listed=tuple(
            Listed(
                row,
                row is named or is_installed(storage, row.hash),
                validations(row.manifest),
                use.get(row.id, Use()),
            )
            for row in session.scalars(select(Bundle).order_by(Bundle.id.desc()))
        ),
        now=now,
        activation=activation,
        named=named,
        fault=_fault(storage, activation.bundle) if activation else None,
    )


def bundle_in_full(session: Session, storage: Storage, settings: Settings, row: Bundle) -> ShownBundle:
    """What the page of one bundle shows; its files are read and verified."""
    named = activating.named_by_settings(session, settings)
    activation = activations.active(session)
    found = validations(row.manifest)
    backbone = row.manifest["backbone"]["name"]
    installed = is_installed(storage, row.hash)
    source = SOURCES.get(backbone)
    model, fault = _read(storage, settings, row, named)
    predicted = _predictions(model)
    return ShownBundle(
        row=row,
        now=activation.bundle if activation else named,
        activation=activation,
        here=installed or row is named,
        fault=fault,
        licence=source.licence if source else None,
        network_here=network_is_here(backbone, settings),
        validations=found,
        measured=tuple(
            (one, plot, plot_predictions(predicted.get(one.cohort, ())))
            for one in found
            if (plot := plot_errors(one.items))
        ),
        spreads=spreads(row.manifest),
        use=use_of_bundles(session).get(row.id, Use()),
        to_regrade=not_graded_by(session, row.id),
        to_adopt=sum(recordings for _, recordings in adoptable(session, row.id)),
    )


def comparison(
    session: Session, storage: Storage, settings: Settings, before: Bundle, after: Bundle
) -> tuple[ComparedCohort, ...]:
    """The cohorts of the same name that both bundles were cross-validated on."""
    named = activating.named_by_settings(session, settings)
    first, second = (_predictions(_read(storage, settings, row, named)[0]) for row in (before, after))
    of_after = {one.cohort: one for one in validations(after.manifest)}
    compared = []
    for one in validations(before.manifest):
        other = of_after.get(one.cohort)
        if other is None:
            continue
        items = {accuracy.item.id: accuracy for accuracy in other.items}
        pairs = tuple(Pair(a, items[a.item.id]) for a in one.items if a.item.id in items)
        same = (one.recordings, one.people) == (other.recordings, other.people)
        plot = plot_errors(one.items, other.items)
        both = one.cohort in first and one.cohort in second
        panels = plot_predictions(first[one.cohort], second[one.cohort]) if both else ()
        if plot is not None:
            compared.append(ComparedCohort(one, other, pairs, plot, panels, same))
    return tuple(compared)


def _read(
    storage: Storage, settings: Settings, row: Bundle, named: Bundle | None
) -> tuple[Model | None, str | None]:
    """The bundle as its files here have it, and what is wrong with those that are installed."""
    if not is_installed(storage, row.hash):
        return (served_bundle(settings) if row is named else None), None
    try:
        return installed_bundle(storage, row.hash), None
    except PermanentError as error:
        return None, str(error)


def _predictions(model: Model | None) -> dict[str, tuple[Pairs, ...]]:
    """The single predictions of cross-validation by cohort; nothing where the bundle carries none."""
    if model is None or model.held_out is None:
        return {}
    held = model.held_out
    return {cohort.name: held.pairs(number) for number, cohort in enumerate(model.training)}


def _fault(storage: Storage, row: Bundle) -> str | None:
    try:
        installed_bundle(storage, row.hash)
    except PermanentError as error:
        return str(error)
    return None
