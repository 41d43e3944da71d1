"""What the tasks of one process share: settings, database, storage and the loaded bundle."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from sqlalchemy import Engine

from grading.bundle import Bundle
from grading.grader import Grader
from service.bundles import served_bundle
from service.database import connect
from service.running import database_url
from service.settings import Settings, load_settings
from service.storage import FolderStorage, Storage


@dataclass(frozen=True)
class Context:
    """Made once per process; what is costly is loaded when first asked for."""

    settings: Settings
    engine: Engine
    storage: Storage

    @cached_property
    def bundle(self) -> Bundle:
        """The bundle that grades; reading it is cheap, its backbone is not loaded."""
        return served_bundle(self.settings)

    @cached_property
    def grader(self) -> Grader:
        """The bundle with its backbone, ready to grade."""
        return Grader(self.bundle, weights=self.settings.weights, folder=self.settings.weights_folder)


@lru_cache(maxsize=1)
def context() -> Context:
    """This process's context."""
    settings = load_settings()
    return Context(settings, connect(database_url(settings)), FolderStorage(settings.data_dir / "files"))
