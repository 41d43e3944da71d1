"""Alembic's entry: runs the revisions in one transaction, one process at a time."""

from alembic import context
from sqlalchemy import text

from service.database import connect
from service.records.models import Base

ADVISORY_LOCK = 4_100_977

engine = connect(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        context.run_migrations()
engine.dispose()
