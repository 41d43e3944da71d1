"""The revisions and the models describe the same database."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text

from migrations.upgrade import alembic_config, upgrade
from service.embedded.postgres import EmbeddedPostgres


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    admin = create_engine(postgres_server.url("postgres").replace("postgresql", "postgresql+psycopg", 1))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE migrating"))
        yield postgres_server.url("migrating")
        connection.execute(text("DROP DATABASE migrating WITH (FORCE)"))
    admin.dispose()


def test_the_newest_revision_is_what_the_models_say(empty_database: str) -> None:
    upgrade(empty_database)
    command.check(alembic_config(empty_database))


def test_every_revision_goes_down_and_up_again(empty_database: str) -> None:
    config = alembic_config(empty_database)
    upgrade(empty_database)
    command.downgrade(config, "base")
    engine = create_engine(empty_database.replace("postgresql", "postgresql+psycopg", 1))
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    upgrade(empty_database)
    command.check(config)
