"""Service tokens: made, found by what a service shows, revoked."""

import datetime as dt
import enum
import hashlib
import secrets

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.models import ApiToken

PREFIX = "facialis_"
"""What every token begins with, so that one that lies about can be recognized."""
LONGEST_NAME = 64


class TokenError(PermanentError):
    """A service token cannot be made or revoked as asked."""

    code = "token.invalid"


class Scope(enum.StrEnum):
    """What a token may do; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: "Scope") -> bool:
        """Whether a token of this scope may do what needs ``other``."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


def create_token(session: Session, name: str, scope: Scope, days: int) -> str:
    """A new token of 256 random bits, which is good for ``days``; it cannot be shown again.

    Raises:
        TokenError: the name is empty, too long or was given before, or the days are not positive.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise TokenError(f"name the token after the service that gets it, in 1 to {LONGEST_NAME} characters")
    if not 0 < days <= 3660:
        raise TokenError("a token is good for 1 to 3660 days")
    token = PREFIX + secrets.token_urlsafe(32)
    made = session.scalar(
        insert(ApiToken)
        .values(
            name=name,
            hash=_hashed(token),
            scope=scope.value,
            expires_at=func.clock_timestamp() + dt.timedelta(days=days),
        )
        .on_conflict_do_nothing()
        .returning(ApiToken.id)
    )
    if made is None:
        raise TokenError("there is or was a token of that name, which the audit trail knows: choose another")
    return token


def find_token(session: Session, shown: str) -> ApiToken | None:
    """The token that a service shows, its use noted; None if it is unknown, expired or revoked."""
    token = session.scalar(
        select(ApiToken).where(
            ApiToken.hash == _hashed(shown),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > func.clock_timestamp(),
        )
    )
    if token is not None:
        minute_ago = func.clock_timestamp() - dt.timedelta(minutes=1)
        session.execute(
            update(ApiToken)
            .where(
                ApiToken.id == token.id,
                or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at < minute_ago),
            )
            .values(last_used_at=func.clock_timestamp())
        )
    return token


def revoke_token(session: Session, name: str) -> None:
    """Let a token in no more, from now on; one that is revoked already stays so.

    Raises:
        TokenError: there is none of that name.
    """
    token = session.scalar(select(ApiToken).filter_by(name=name).with_for_update())
    if token is None:
        raise TokenError("there is no token of that name: see 'facialis token list'")
    if token.revoked_at is None:
        token.revoked_at = func.clock_timestamp()


def list_tokens(session: Session) -> list[ApiToken]:
    """Every token that was ever made, in the order of their making."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.id)))


def _hashed(token: str) -> str:
    # A slow hash is for what people choose; nobody guesses 256 random bits.
    return hashlib.sha256(token.encode()).hexdigest()
