"""Constancy checks for the tests, none of them computed."""

from sqlalchemy.orm import Session

from service.constancy import compare
from service.constancy_settings import ConstancySettings
from service.records import constancy
from service.records.models import ConstancyRun

MADE_WITH = {"bundle": "b 1", "torch": "2.6"}


def made(
    session: Session, scores: dict[str, float], *, bundle: str = "b", **environment: str
) -> ConstancyRun:
    """A check that was asked for and made, compared as workers do."""
    number = constancy.ask(session, "test")
    lease = constancy.begin(session, number, 60)
    assert lease is not None
    last, first = constancy.last_made(session, bundle), constancy.first_made(session, bundle)
    state, compared = compare(scores, last, first, ConstancySettings())
    constancy.end(
        session, lease, state, bundle_hash=bundle, scores=scores, environment=MADE_WITH | environment,
        compared=compared,
    )  # fmt: skip
    return session.get_one(ConstancyRun, number, populate_existing=True)
