"""Signing in with a password: slowed down for who guesses, the same for known and unknown names."""

import datetime as dt
import hashlib
import math

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from grading.errors import TransientError
from service.access.accounts import plain_name
from service.access.passwords import fits
from service.records import audit
from service.records.audit import Actor, Outcome
from service.records.audit_events import AuditEventKind
from service.records.models import Account, ActorKind, SignInFailure

WINDOW = dt.timedelta(minutes=15)
MOST_FROM_ONE_PLACE = 5
"""Failures of one name from one address within the window; the next attempt has to wait."""
MOST_OF_ONE_ADDRESS = 50
"""Of all names together: many people may share an address, but nobody tries a list of names."""
MOST_OF_ONE_NAME = 50
"""From all addresses together; high, so that nobody is easily locked out by others."""


class TooManyAttemptsError(TransientError):
    """Too many sign-ins failed lately; the next may be tried later."""

    code = "sign_in.too_many"

    def __init__(self, seconds: float) -> None:
        self.minutes = max(1, math.ceil(seconds / 60))
        super().__init__(f"too many sign-ins failed; try again in {self.minutes} minutes")


def admit(session: Session, name: str, address: str) -> int:
    """Count an attempt, as failed until it succeeds; its number for `forgive`.

    Commit before the password is looked at, so that attempts made at once count each other.

    Raises:
        TooManyAttemptsError: this name or this address has to wait.
    """
    name = plain_name(name)[:64].replace("\0", "")
    # Attempts of one address wait for each other here, and so do those of one name.
    for text in sorted((f"sign-in name {name}", f"sign-in address {address}")):
        session.execute(select(func.pg_advisory_xact_lock(_lock_number(text))))
    of_name, of_address = SignInFailure.name == name, SignInFailure.address == address
    for which, most in (
        (of_name & of_address, MOST_FROM_ONE_PLACE),
        (of_address, MOST_OF_ONE_ADDRESS),
        (of_name, MOST_OF_ONE_NAME),
    ):
        wait = _wait(session, which, most)
        if wait > 0:
            raise TooManyAttemptsError(wait)
    session.execute(delete(SignInFailure).where(SignInFailure.at < func.clock_timestamp() - WINDOW))
    attempt = SignInFailure(name=name, address=address)
    session.add(attempt)
    session.flush()
    return attempt.id


def check(session: Session, name: str, password: str) -> Account | None:
    """The account, if name and password are right and it is not disabled."""
    account = session.scalar(select(Account).filter_by(name=plain_name(name).replace("\0", "")))
    right = fits(password, account.password_hash if account else None)
    return account if account is not None and right and account.disabled_at is None else None


def forgive(session: Session, account: Account, address: str) -> None:
    """Forget the failures of this name from this address, after a success."""
    of_account = (SignInFailure.name == account.name) & (SignInFailure.address == address)
    session.execute(delete(SignInFailure).where(of_account))


def record_failure(session: Session, name: str, address: str, reason: str) -> None:
    """Put a refused sign-in into the audit trail.

    A name that no account has may be a password typed into the wrong field: it is not written down.
    """
    known = session.scalar(select(Account.name).filter_by(name=plain_name(name).replace("\0", "")))
    actor = Actor(ActorKind.USER, known or "unknown name", address)
    audit.record(session, actor, AuditEventKind.SIGNED_IN, outcome=Outcome.REFUSED, reason=reason)


def _wait(session: Session, which: ColumnElement[bool], most: int) -> float:
    """Seconds until fewer than ``most`` failures lie within the window."""
    since = func.extract("epoch", func.clock_timestamp() - SignInFailure.at)
    query = select(since).where(which).order_by(SignInFailure.at.desc()).offset(most - 1).limit(1)
    age = session.scalar(query)
    return 0.0 if age is None else WINDOW.total_seconds() - float(age)


def _lock_number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
