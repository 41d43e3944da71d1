"""The records as a command sees them: one transaction on the configured or running database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from service.database import connect, transaction
from service.running import database_url
from service.settings import load_settings
from service.waking import telling


@contextmanager
def records() -> Iterator[Session]:
    """A session that commits at the end of the block, which tells the workers what that gave them to do.

    The connection is closed then.

    Raises:
        NotRunningError: there is no database.
        DatabaseUnavailableError: it cannot be reached.
    """
    settings = load_settings()
    engine = connect(database_url(settings))
    try:
        with transaction(telling(engine, settings, wait=True)) as session:
            yield session
    finally:
        engine.dispose()
