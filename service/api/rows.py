"""Rows by the numbers in addresses."""

from typing import TypeVar

from sqlalchemy.orm import Session

from service.api.problems import NotFoundError
from service.records.models import Base

Row = TypeVar("Row", bound=Base)


def row_of(session: Session, table: type[Row], number: int, *, lock: bool = False) -> Row:
    """The row of this number, held until the transaction ends if ``lock``.

    Raises:
        NotFoundError: there is none; a merged patient's number is none any more.
    """
    # Only the row itself is held, not what its class loads along with it.
    row = session.get(table, number, with_for_update={"of": table} if lock else None)
    if row is None:
        raise NotFoundError(f"there is no {table.__tablename__} {number}")
    return row
