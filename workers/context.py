"""What the tasks of one process share: settings, database, storage and the loaded bundle."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from sqlalchemy import Engine

from grading.bundle import Bundle
from grading.errors import PermanentError, TransientError
from grading.grader import Grader
from service.bundles import installed_bundle, served_bundle, weights_for
from service.database import connect, transaction
from service.records import activations
from service.running import database_url
from service.settings import Settings, load_settings
from service.storage import FolderStorage, Storage


class BundleUnavailableError(TransientError):
    """The active bundle cannot be used on this machine; recordings wait until it can or another is active."""

    code = "bundle.unavailable"


@dataclass(frozen=True)
class Context:
    """Made once per process; what is costly is loaded when first asked for."""

    settings: Settings
    engine: Engine
    storage: Storage
    _bundles: dict[str, Bundle] = field(default_factory=dict, init=False, repr=False, compare=False)
    _graders: dict[str, Grader] = field(default_factory=dict, init=False, repr=False, compare=False)

    def bundle(self) -> Bundle:
        """The bundle that grades at this moment; its backbone is not loaded.

        A task asks once and keeps to the answer: who activates another does not mix two in one grading.

        Raises:
            BundleUnavailableError: an administrator activated it, and its files are gone or damaged.
            PermanentError: that of the settings is damaged.
        """
        with transaction(self.engine) as session:
            digest = activations.active_hash(session)
        if digest is None:
            return self._served
        if digest not in self._bundles:
            try:
                bundle = installed_bundle(self.storage, digest)
            except PermanentError as error:
                raise BundleUnavailableError(str(error)) from error
            self._bundles.clear()
            self._bundles[digest] = bundle
        return self._bundles[digest]

    def grader(self, bundle: Bundle) -> Grader:
        """A bundle of `bundle` with its backbone, ready to grade; that of the one before is given up.

        Raises:
            BundleUnavailableError: an administrator activated it, and its backbone's weights are not here.
            PermanentError: those for the bundle of the settings are not.
        """
        if bundle.hash not in self._graders:
            self._graders.clear()
            try:
                self._graders[bundle.hash] = Grader(
                    bundle,
                    weights=weights_for(bundle, self.settings),
                    folder=self.settings.weights_folder,
                )
            except PermanentError as error:
                if bundle.hash in self._bundles:
                    raise BundleUnavailableError(str(error)) from error
                raise
        return self._graders[bundle.hash]

    @cached_property
    def _served(self) -> Bundle:
        return served_bundle(self.settings)


@lru_cache(maxsize=1)
def context() -> Context:
    """This process's context."""
    settings = load_settings()
    return Context(settings, connect(database_url(settings)), FolderStorage(settings.data_dir / "files"))
