"""What goes to PostgreSQL directly: one transaction per exchange, and no failure is taken for success."""

import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Column, Date, Engine, Integer, MetaData, String, Table, bindparam, insert, text
from sqlalchemy.schema import CreateTable, DropTable

from service.database import DatabaseUnavailableError, connect
from service.direct import DirectPool, Prepared

KEPT = Table(
    "direct_kept", MetaData(), Column("number", Integer), Column("word", String), Column("day", Date)
)
_KEEP = Prepared(insert(KEPT).values(number=bindparam("number"), word="given", day=bindparam("day")))
_KEEP_TOO = Prepared(insert(KEPT).values(number=bindparam("other")).returning(KEPT.c.number))
DAY = dt.date(2026, 3, 1)


@pytest.fixture
def kept(superuser: Engine) -> Iterator[Engine]:
    with superuser.begin() as connection:
        connection.execute(CreateTable(KEPT))
        # Found out at the commit, as a full disk would be.
        connection.execute(text("ALTER TABLE direct_kept ADD UNIQUE (number) DEFERRABLE INITIALLY DEFERRED"))
        connection.execute(text("GRANT SELECT, INSERT ON direct_kept TO PUBLIC"))
    yield superuser
    with superuser.begin() as connection:
        connection.execute(DropTable(KEPT))


@pytest.fixture
def pool(database_url: str) -> Iterator[DirectPool]:
    own = connect(database_url, ask_first=False)
    yield DirectPool(own)
    own.dispose()


def rows(engine: Engine) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(KEPT.select().order_by("number"))]


def test_what_was_exchanged_is_committed_and_the_last_answer_given(pool: DirectPool, kept: Engine) -> None:
    with pool.connection() as connection:
        answer = connection.exchange([_KEEP, _KEEP_TOO], {"number": 1, "other": 2, "day": DAY})
        assert answer.get_value(0, 0) == b"2"
        assert rows(kept) == [(1, "given", DAY), (2, None, None)]


def test_a_commit_that_fails_is_no_success(pool: DirectPool, kept: Engine) -> None:
    with pool.connection() as connection:
        connection.exchange([_KEEP], {"number": 1, "day": None})
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.exchange([_KEEP_TOO, _KEEP], {"number": 1, "other": 2, "day": None})
        connection.exchange([_KEEP], {"number": 3, "day": None})
    assert [row[0] for row in rows(kept)] == [1, 3]


def test_a_statement_that_fails_takes_the_others_with_it(pool: DirectPool, kept: Engine) -> None:
    with pool.connection() as connection:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as raised:
            connection.exchange([_KEEP, _KEEP_TOO], {"number": 1, "other": "Doe^Jane", "day": DAY})
        assert "Jane" not in str(raised.value)
    assert rows(kept) == []


def test_a_transaction_that_was_left_open_is_no_success(pool: DirectPool, kept: Engine) -> None:
    def leave_open() -> None:
        with pool.connection() as connection:
            connection.run(b"BEGIN")
            connection.exchange([_KEEP], {"number": 1, "day": DAY})

    with pytest.raises(DatabaseUnavailableError):
        leave_open()
    assert rows(kept) == []


def test_a_server_that_breaks_off_is_no_success_and_the_next_connection_is_new(
    pool: DirectPool, kept: Engine
) -> None:
    def break_off() -> None:
        with pool.connection() as connection:
            connection.exchange([_KEEP], {"number": 1, "day": DAY})
            with kept.begin() as other:
                other.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE usename <> current_user AND backend_type = 'client backend'"
                    )
                )
            connection.exchange([_KEEP], {"number": 2, "day": DAY})

    with pytest.raises(DatabaseUnavailableError):
        break_off()
    with pool.connection() as connection:
        connection.exchange([_KEEP], {"number": 3, "day": DAY})
    assert [row[0] for row in rows(kept)] == [1, 3]
