"""Sessions of the pages: rows that end after a time without a request, and after a time in any case.

The browser's cookie holds 256 random bits, of which only the hash is stored. The token that each form carries
against forged requests is derived from them.
"""

import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, joinedload

from service.access.roles import Right, rights_of
from service.records.audit import Actor
from service.records.models import Account, ActorKind, BreakGlass, SignedIn

TOUCH_SECONDS = 60
OVERRIDE_MINUTES = 60
"""How long a broken glass stays so."""


@dataclass(frozen=True)
class Lifetime:
    """When sessions end: ``idle`` without a request, ``whole`` since the sign-in."""

    idle: dt.timedelta
    whole: dt.timedelta


@dataclass(frozen=True)
class Visitor:
    """Whoever is signed in, as a page sees them; ``address`` is where this request comes from."""

    session_id: int
    account_id: int
    name: str
    display_name: str
    roles: tuple[str, ...]
    language: str | None
    has_password: bool
    address: str | None

    @property
    def rights(self) -> frozenset[Right]:
        """What the roles allow."""
        return rights_of(self.roles)

    @property
    def actor(self) -> Actor:
        """The visitor in the audit trail."""
        return Actor(ActorKind.USER, self.name, self.address)


def new_secret() -> str:
    """What a cookie holds."""
    return secrets.token_urlsafe(32)


def form_token(secret: str) -> str:
    """What forms of the browser with this cookie carry."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def form_token_fits(secret: str, token: str) -> bool:
    """Whether a form was made for the browser with this cookie."""
    return hmac.compare_digest(form_token(secret).encode(), token.encode())


def begin(session: Session, account: Account, address: str | None) -> str:
    """Sign the account in; what the cookie is to hold."""
    secret = new_secret()
    account.last_signed_in_at = func.clock_timestamp()
    session.add(SignedIn(token_hash=_hashed(secret), account_key=account.id, address=address))
    return secret


def find_visitor(
    session: Session, secret: str, lifetime: Lifetime, address: str | None, *, used: bool = True
) -> Visitor | None:
    """Whoever is signed in with this cookie, None if nobody is any more.

    That the session was ``used`` is noted, unless the page asks by itself.
    """
    now = func.clock_timestamp()
    row = session.scalar(
        select(SignedIn)
        .join(SignedIn.account)
        .where(
            SignedIn.token_hash == _hashed(secret),
            SignedIn.seen_at > now - lifetime.idle,
            SignedIn.began_at > now - lifetime.whole,
            Account.disabled_at.is_(None),
        )
        .options(joinedload(SignedIn.account))
    )
    if row is None:
        return None
    if used:
        long_ago = SignedIn.seen_at < now - dt.timedelta(seconds=TOUCH_SECONDS)
        session.execute(
            update(SignedIn)
            .where(SignedIn.id == row.id, long_ago)
            .values(seen_at=now)
            .execution_options(synchronize_session=False)
        )
    account = row.account
    return Visitor(
        session_id=row.id,
        account_id=account.id,
        name=account.name,
        display_name=account.display_name or account.name,
        roles=tuple(account.roles),
        language=account.language,
        has_password=account.password_hash is not None,
        address=address,
    )


def end(session: Session, session_id: int) -> None:
    """Sign out."""
    session.execute(delete(SignedIn).where(SignedIn.id == session_id))


def clear_ended(session: Session, lifetime: Lifetime) -> None:
    """Delete sessions that have ended by time."""
    now = func.clock_timestamp()
    ended = (SignedIn.seen_at <= now - lifetime.idle) | (SignedIn.began_at <= now - lifetime.whole)
    session.execute(delete(SignedIn).where(ended))


def break_glass(session: Session, visitor: Visitor, patient_id: int) -> None:
    """Let the visitor see one patient in this session, for `OVERRIDE_MINUTES`."""
    until = func.clock_timestamp() + dt.timedelta(minutes=OVERRIDE_MINUTES)
    session.add(BreakGlass(signed_in_key=visitor.session_id, patient_key=patient_id, until=until))


def glass_is_broken(session: Session, visitor: Visitor, patient_id: int) -> bool:
    """Whether the visitor may see the patient against the roles just now."""
    query = select(BreakGlass.id).where(
        BreakGlass.signed_in_key == visitor.session_id,
        BreakGlass.patient_key == patient_id,
        BreakGlass.until > func.clock_timestamp(),
    )
    return session.scalar(query.limit(1)) is not None


def _hashed(secret: str) -> str:
    # A slow hash is for what people choose; nobody guesses 256 random bits.
    return hashlib.sha256(secret.encode()).hexdigest()
