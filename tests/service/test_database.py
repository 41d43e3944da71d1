"""What is said where PostgreSQL cannot do what it is asked."""

import pytest
from sqlalchemy import Engine, text

from service.database import DatabaseUnavailableError, connect, transaction


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("40P01", "do it again"),
        ("53100", "the disk of the database is full"),
        ("53200", "its log says why"),
        ("57P01", "is PostgreSQL running"),
    ],
)
def test_a_fault_that_may_pass_says_what_to_do_and_repeats_nothing(
    engine: Engine, state: str, said: str
) -> None:
    raised = text(f"DO $$ BEGIN RAISE EXCEPTION 'Doe^Jane' USING ERRCODE = '{state}'; END $$")
    with pytest.raises(DatabaseUnavailableError, match=said) as caught, transaction(engine) as session:
        session.execute(raised)
    assert "Doe" not in str(caught.value)


def test_a_server_that_is_away_is_asked_after() -> None:
    away = connect("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError, match="is PostgreSQL running"), transaction(away) as session:
        session.execute(text("SELECT 1"))
