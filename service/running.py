"""How the other commands find what ``facialis up`` runs: addresses in a file of the data folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from grading.errors import PermanentError
from service.settings import Settings

FILE = "running.json"


class NotRunningError(PermanentError):
    """There is no database to work with."""

    code = "service.not_running"


@dataclass(frozen=True)
class Running:
    """Addresses of a running service on this machine."""

    pid: int
    database_url: str
    broker_url: str
    receiver_port: int
    web_port: int

    def write(self, data_dir: Path) -> None:
        """Leave the addresses in the data folder, readable by this user only."""
        file = data_dir / FILE
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self)))


def find_running(data_dir: Path) -> Running | None:
    """What runs over this data folder, None if nothing does."""
    try:
        return Running(**json.loads((data_dir / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def database_url(settings: Settings) -> str:
    """The configured database, else the embedded one of a running ``facialis up``.

    Raises:
        NotRunningError: neither is there.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return _found(settings).database_url


def broker_url(settings: Settings) -> str:
    """The configured broker, else the embedded one of a running ``facialis up``.

    Raises:
        NotRunningError: neither is there.
    """
    if settings.broker_url is not None:
        return settings.broker_url.get_secret_value()
    return _found(settings).broker_url


def _found(settings: Settings) -> Running:
    running = find_running(settings.data_dir)
    if running is None:
        raise NotRunningError(
            f"no service runs over the data folder {settings.data_dir}: start it with 'facialis up', or set "
            "FACIALIS_DATABASE_URL and FACIALIS_BROKER_URL"
        )
    return running
