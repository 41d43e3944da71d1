"""Installing a bundle, letting it grade what comes in, and going back to the one before.

The command line, the interface for programs and the pages all do it by these functions.
"""

from contextlib import suppress
from pathlib import Path

from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE, DamagedBundleError, describe_bundle
from grading.bundle import Bundle as Model
from service.bundles import (
    BundleScaleError,
    installed_bundle,
    is_installed,
    keep_files,
    served_bundle,
)
from service.records import activations, audit
from service.records.activations import ActivatedMeanwhileError, NothingToRollBackError
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.gradings import register_bundle
from service.records.models import Bundle, BundleActivation
from service.settings import Settings
from service.storage import Storage


def install(session: Session, actor: Actor, storage: Storage, folder: Path) -> Bundle:
    """Copy a bundle into the storage and make it known; one that is there already is copied anew.

    Raises what `service.bundles.eface_bundle` does.
    """
    row = _known(session, keep_files(storage, folder))
    audit.record(session, actor, AuditEventKind.BUNDLE_INSTALLED, bundle=row.hash)
    return row


def grading_now(session: Session, settings: Settings) -> Bundle | None:
    """The bundle that grades what comes in; None where it is that of the settings, which is damaged."""
    activation = activations.active(session)
    return activation.bundle if activation else named_by_settings(session, settings)


def named_by_settings(session: Session, settings: Settings) -> Bundle | None:
    """The bundle of the settings, made known if it was not yet; None if it is damaged."""
    try:
        return _known(session, served_bundle(settings))
    except (DamagedBundleError, BundleScaleError):
        return None


def activate(
    session: Session,
    actor: Actor,
    storage: Storage,
    settings: Settings,
    bundle: Bundle,
    reason: str = "",
    *,
    seen: int | None = None,
) -> BundleActivation:
    """Let a bundle grade what comes in from now on, and note who wanted it.

    Its files are verified first, and those of what it replaces are kept, so that one can go back.

    Parameters:
        seen: the number of the activation that was in force when it was decided, 0 for none; None where
            nobody looked.

    Raises:
        ActivatedMeanwhileError: another is in force than was seen.
        AlreadyActiveError: it grades already.
        NotInstalledError: its files are not here.
        DamagedBundleError: they were changed, or are of another format.
    """
    activations.hold_still(session)
    present = activations.active(session)
    if seen is not None and seen != (present.id if present else 0):
        who = present.actor if present else "nobody"
        raise ActivatedMeanwhileError(
            f"meanwhile {who} activated what grades now: look at it and decide again, nothing was changed"
        )
    replaced = grading_now(session, settings)
    if replaced is not None and present is None:
        make_ready(storage, settings, replaced.hash)
    make_ready(storage, settings, bundle.hash)
    return activations.activate(session, actor, bundle, replaced, reason)


def roll_back(
    session: Session, actor: Actor, storage: Storage, settings: Settings, reason: str = ""
) -> BundleActivation:
    """Let the bundle grade again that the active one replaced.

    Raises:
        NothingToRollBackError: there is none.
        PermanentError: as `activate`.
    """
    activations.hold_still(session)
    present = activations.active(session)
    if present is None or present.replaced is None:
        raise NothingToRollBackError("no other bundle graded before: activate one instead")
    return activate(session, actor, storage, settings, present.replaced, reason, seen=present.id)


def make_ready(storage: Storage, settings: Settings, digest: str) -> Model:
    """The bundle with this hash as it is installed, verified; that of the settings is installed if need be.

    Raises:
        NotInstalledError: its files are not here.
        DamagedBundleError: they were changed, or are of another format.
    """
    if not is_installed(storage, digest):
        with suppress(DamagedBundleError, BundleScaleError):
            if served_bundle(settings).hash == digest:
                keep_files(storage, settings.bundle or COMMISSIONING_BUNDLE)
    return installed_bundle(storage, digest)


def _known(session: Session, model: Model) -> Bundle:
    number = register_bundle(session, model.hash, model.name, model.version, describe_bundle(model))
    return session.get_one(Bundle, number)
