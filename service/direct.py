"""Statements handed to PostgreSQL as they are, for what is recorded with every photo.

Past SQLAlchemy's pool and psycopg's cursors, which took a third of what a photo cost the receiver's Python: a
statement is compiled once, prepared once per connection, and several go out and are answered together.
"""

import datetime as dt
import enum
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, cast

import psycopg
from psycopg.errors import lookup
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Engine, Executable, event
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.sql import ClauseElement

from service.database import DatabaseUnavailableError, why

_DIALECT = dialect.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_numbers = count()


class Prepared:
    """A statement, compiled. Parameters that it gives itself, such as a state, need not be given again."""

    def __init__(self, statement: Executable) -> None:
        compiled = cast(ClauseElement, statement).compile(dialect=_DIALECT)
        self.name = f"direct_{next(_numbers)}".encode()
        self.text = str(compiled).encode()
        self.parameters: list[str] = compiled.positiontup or []  # type: ignore[attr-defined]
        self.constants = {
            name: _text(value).encode() for name, value in compiled.params.items() if value is not None
        }


class DirectConnection:
    """A connection that knows which statements it has prepared; used by one thread at a time."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._server = connection.pgconn
        self._encoding = connection.info.encoding
        self._prepared: set[bytes] = set()
        self._readable, self._ready = select.poll(), select.poll()
        self._readable.register(self._server.socket, select.POLLIN)
        self._ready.register(self._server.socket, select.POLLIN | select.POLLOUT)

    @property
    def usable(self) -> bool:
        """Whether it can take the next statements."""
        server = self._server
        return server.status == ConnStatus.OK and server.transaction_status == TransactionStatus.IDLE

    def exchange(self, statements: Sequence[Prepared], values: Mapping[str, Any]) -> PGresult:
        """Run the statements, which are sent together and answered together; what the last one gave.

        They are one transaction, committed when this returns, or part of the one that BEGIN has begun.
        Raises `psycopg.Error`; then none of them has any effect.
        """
        server = self._server
        for statement in statements:
            if statement.name not in self._prepared:
                _checked(server.prepare(statement.name, statement.text))
                self._prepared.add(statement.name)
        given = [(statement.name, self._encoded(statement, values)) for statement in statements]
        server.enter_pipeline_mode()
        for name, encoded in given:
            server.send_query_prepared(name, encoded)
        server.pipeline_sync()
        result = self._answer()
        server.exit_pipeline_mode()
        return _checked(result)

    def run(self, command: bytes) -> None:
        """Run a command such as BEGIN or COMMIT. Raises `psycopg.Error`."""
        _checked(self._server.exec_(command))

    def close(self) -> None:
        """Close the connection; what was begun is rolled back."""
        self._connection.close()

    def _answer(self) -> PGresult:
        """The last statement's result, or the first failure, which may be that of the commit."""
        server = self._server
        result: PGresult | None = None
        while True:
            while server.flush():
                self._ready.poll()
                server.consume_input()
            while server.is_busy():
                # libpq's own wait would hold the interpreter's lock.
                self._readable.poll()
                server.consume_input()
            got = server.get_result()
            if got is None:
                if server.status != ConnStatus.OK:
                    raise psycopg.OperationalError("the connection to the database broke")
            elif got.status == ExecStatus.PIPELINE_SYNC and result is not None:
                return result
            elif result is None or result.status in _GOOD:
                result = got

    def _encoded(self, statement: Prepared, values: Mapping[str, Any]) -> list[bytes | None]:
        encoded: list[bytes | None] = []
        for name in statement.parameters:
            constant = statement.constants.get(name)
            if constant is None and (value := values[name]) is not None:
                constant = _text(value).encode(self._encoding)
            encoded.append(constant)
        return encoded


class DirectPool:
    """Connections of an engine that are kept open beside its own pool, until the engine is disposed of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[DirectConnection] = []
        event.listen(engine, "engine_disposed", lambda _: self.close())

    @contextmanager
    def connection(self) -> Iterator[DirectConnection]:
        """A connection for a block.

        Raises:
            DatabaseUnavailableError: the server cannot be reached, or it broke off what was asked of it.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._opened()
        try:
            yield connection
            if not connection.usable:
                raise psycopg.OperationalError("a transaction was left open")
        except psycopg.OperationalError as error:
            # The others are likely to be as old.
            self.close()
            raise DatabaseUnavailableError(why(error.sqlstate)) from None
        finally:
            if connection.usable:
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close the connections that nobody uses now."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _opened(self) -> DirectConnection:
        try:
            pooled = self._engine.raw_connection()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(
                "the database cannot be reached; is PostgreSQL running?"
            ) from error
        connection = cast("psycopg.Connection[Any]", pooled.driver_connection)
        pooled.detach()
        connection.rollback()
        return DirectConnection(connection)


def _text(value: Any) -> str:
    """A value as PostgreSQL reads it."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _checked(result: PGresult) -> PGresult:
    """The result. Raises the `psycopg.Error` that it stands for, without the server's words."""
    # What the server says may quote a patient's data.
    if result.status in _GOOD:
        return result
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    try:
        error = lookup(state)
    except KeyError:
        error = psycopg.OperationalError if not state else psycopg.DatabaseError
    raise error(f"PostgreSQL refuses with SQLSTATE {state or 'unknown'}")
