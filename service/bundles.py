"""The bundle that the service grades with."""

from pathlib import Path

from grading.bundle import COMMISSIONING_BUNDLE, Bundle, load_bundle
from grading.errors import PermanentError
from grading.scales import PREDICTED_ITEMS
from service.settings import Settings


class BundleScaleError(PermanentError):
    """The bundle predicts items that the service's pages, reports and documents do not show."""

    code = "bundle.scale"


def served_bundle(settings: Settings) -> Bundle:
    """The bundle of the settings, else the one that comes with Facialis; raises what `eface_bundle` does."""
    return eface_bundle(settings.bundle or COMMISSIONING_BUNDLE)


def eface_bundle(path: Path) -> Bundle:
    """The bundle in a folder, for the service's use; its backbone is not loaded.

    Raises `DamagedBundleError`, and `BundleScaleError` for a bundle of another scale than eFACE.
    """
    bundle = load_bundle(path)
    shown = {item.id for item in PREDICTED_ITEMS}
    others = [head.item for head in bundle.heads if head.item not in shown]
    if others:
        raise BundleScaleError(
            f"the service shows eFACE only, and bundle {bundle.name} {bundle.version} predicts "
            f"{', '.join(others)}: use it with facialis grade and facialis predict, and set one of eFACE here"
        )
    return bundle
