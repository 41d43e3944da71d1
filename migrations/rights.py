"""What the application's own role may do in the database: everything it needs, and no more.

Migrations run as the owner of the tables. The processes of the service run as a plain role, which can neither
change tables nor alter what stands in the audit trail.
"""

from psycopg import sql
from sqlalchemy import create_engine

from service.records.models import AuditEvent


def grant(url: str, role: str) -> None:
    """Give an existing role the rights that the service needs, and take away what it must not have.

    Parameters:
        url: of the database, as the owner of its tables.
    """
    name = sql.Identifier(role)
    # Neither number nor time: an entry cannot be dated back.
    given = (
        column.name for column in AuditEvent.__table__.columns if column.name not in ("id", "happened_at")
    )
    columns = sql.SQL(", ").join(map(sql.Identifier, given))
    statements = (
        sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name),
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}").format(name),
        sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_event FROM {}").format(name),
        sql.SQL("GRANT INSERT ({}) ON audit_event TO {}").format(columns, name),
        sql.SQL("REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {}").format(name),
    )
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.as_string())
    engine.dispose()
