"""Bundles as files: the one of the settings, and those that are installed in the storage under their hash."""

from pathlib import Path

from grading.bundle import COMMISSIONING_BUNDLE, MANIFEST, WEIGHTS, Bundle, DamagedBundleError, load_bundle
from grading.errors import PermanentError
from grading.scales import PREDICTED_ITEMS
from grading.weights import SOURCES, find
from service.settings import Settings
from service.storage import FolderStorage, Storage


class BundleScaleError(PermanentError):
    """The bundle predicts items that the service's pages, reports and documents do not show."""

    code = "bundle.scale"


class NotInstalledError(PermanentError):
    """The files of a bundle that graded here are not in the data folder."""

    code = "bundle.not_installed"


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


def keep_files(storage: Storage, folder: Path) -> Bundle:
    """Copy the bundle of a folder into the storage, where nobody edits it, and give it as it was read there.

    Raises what `eface_bundle` does.
    """
    bundle = eface_bundle(folder)
    # The manifest comes last: without it the bundle is not there.
    for name in (WEIGHTS, MANIFEST):
        storage.write(_key(bundle.hash, name), (folder / name).read_bytes())
    return installed_bundle(storage, bundle.hash)


def is_installed(storage: Storage, digest: str) -> bool:
    """Whether the files of the bundle with this hash lie in the storage, whole or not."""
    return all(storage.path(_key(digest, name)).is_file() for name in (MANIFEST, WEIGHTS))


def installed_folder(storage: Storage, digest: str) -> Path:
    """Where the files of an installed bundle lie."""
    return storage.path(_key(digest, MANIFEST)).parent


def installed_bundle(storage: Storage, digest: str) -> Bundle:
    """An installed bundle, read and verified.

    Raises:
        NotInstalledError: its files are not there, or are those of another bundle.
        DamagedBundleError: they were changed or are of another format.
    """
    if not is_installed(storage, digest):
        raise NotInstalledError(
            f"the files of bundle {digest[:12]} are not in the data folder: facialis bundle install FOLDER "
            "copies them there"
        )
    bundle = eface_bundle(installed_folder(storage, digest))
    if bundle.hash != digest:
        raise NotInstalledError(
            f"the files of bundle {digest[:12]} were exchanged for those of {bundle.hash[:12]}: "
            "facialis bundle install FOLDER puts the right ones back"
        )
    return bundle


def grading_bundle(settings: Settings, activated: str | None) -> Bundle:
    """The bundle that grades: the one with the hash ``activated``, else that of the settings.

    Raises what `installed_bundle` or `served_bundle` does.
    """
    storage = FolderStorage(settings.data_dir / "files")
    return served_bundle(settings) if activated is None else installed_bundle(storage, activated)


def weights_for(bundle: Bundle, settings: Settings) -> Path | None:
    """The weights file of the settings, for a bundle that needs the same network as that of the settings.

    None for another one, and where that of the settings cannot be read: then the network's own weights serve.
    """
    if settings.weights is None:
        return None
    try:
        meant_for = served_bundle(settings).backbone
    except (DamagedBundleError, BundleScaleError):
        return None
    return settings.weights if bundle.backbone == meant_for else None


def network_is_here(backbone: str, settings: Settings) -> bool:
    """Whether the published weights of a network lie on this machine; a worker elsewhere needs its own."""
    source = SOURCES.get(backbone)
    return source is not None and find(source, settings.weights_folder) is not None


def _key(digest: str, name: str) -> str:
    return f"bundles/{digest}/{name}"
