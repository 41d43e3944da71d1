"""The records as a command sees them: one transaction on the configured or running database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from service.database import connect, transaction
from service.running import database_url
from service.settings import load_settings


@contextmanager
def records() -> Iterator[Session]:
    """A session that commits at the end of the block; the connection is closed then.

    Raises:
        NotRunningError: there is no database.
        DatabaseUnavailableError: it cannot be reached.
    """
    engine = connect(database_url(load_settings()))
    try:
        with transaction(engine) as session:
            yield session
    finally:
        engine.dispose()
