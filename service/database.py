"""The connection to PostgreSQL: one engine per process, one transaction per use case."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from grading.errors import TransientError
from service.records.due import noted

TELL = "facialis_tell"
"""The option of an engine that is called with what its transactions have noted as due, once committed."""


class DatabaseUnavailableError(TransientError):
    """PostgreSQL cannot be reached or broke off."""

    code = "database.unavailable"


def connect(url: str, *, ask_first: bool = True) -> Engine:
    """An engine for a ``postgresql://…`` address; nothing is opened yet.

    With ``ask_first`` a pooled connection is tried before it is handed out, which costs a question; without,
    the first use after a restart of the server fails and the caller has to try again.
    """
    driver_url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    # Parameters are patients' data: they must not stand in an exception.
    return create_engine(
        driver_url,
        pool_pre_ping=ask_first,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "tcp_user_timeout": 15_000},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits at the end of the block and rolls back on an exception.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or the connection broke.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except OperationalError as error:
        state = None if error.connection_invalidated else getattr(error.orig, "sqlstate", None)
        raise DatabaseUnavailableError(why(state)) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailableError("the connection to the database broke") from error
        raise
    tell, due = engine.get_execution_options().get(TELL), noted(session)
    if tell is not None and due:
        tell(due)


def why(state: str | None) -> str:
    """What the matter is by SQLSTATE, and what to do; not the server's words, which may quote a record."""
    # Class 08: no connection; 57: the server was shut down, or starts.
    if state is None or state[:2] in ("08", "57"):
        return "the database cannot be reached; is PostgreSQL running?"
    return _WORDS.get(state, f"PostgreSQL could not do it now (SQLSTATE {state}); its log says why")


_WORDS = {
    "40P01": "two changes waited for each other and this one was given up; do it again",
    "53100": "the disk of the database is full; make room there",
    "55P03": "a table of patients is being taken in; do this again once it is over",
    "53300": "the database takes no more connections; raise its max_connections, or run fewer processes",
}
"""By SQLSTATE."""
