"""Accounts: made, changed, disabled. Each change stands in the audit trail and ends their sessions."""

import re
from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.access.oidc import Person
from service.access.passwords import hash_password
from service.access.roles import Role
from service.database import connect, transaction
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import Account, SignedIn

LONGEST_DISPLAY_NAME = 128
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class AccountError(PermanentError):
    """An account cannot be made or changed as asked."""

    code = "account.invalid"


class UnknownAccountError(PermanentError):
    """There is no account of that name."""

    code = "account.unknown"


def plain_name(name: str) -> str:
    """A sign-in name as it is stored: case does not matter."""
    return name.strip().lower()


def add_account(
    session: Session,
    by: Actor,
    name: str,
    roles: Collection[Role],
    *,
    password: str | None = None,
    display_name: str = "",
    identity: tuple[str, str] | None = None,
) -> Account:
    """A new account, with a password or the identity provider's ``identity`` (issuer and subject).

    Raises:
        AccountError: the name is taken or unfit.
        PasswordError: the password is.
    """
    name = plain_name(name)
    if not _NAME.fullmatch(name):
        raise AccountError("a sign-in name has 1 to 64 letters a-z, digits, or . _ @ + - after the first")
    if len(display_name) > LONGEST_DISPLAY_NAME or not display_name.isprintable():
        raise AccountError(f"the full name has at most {LONGEST_DISPLAY_NAME} characters")
    made = session.scalar(
        insert(Account)
        .values(
            name=name,
            display_name=display_name.strip(),
            roles=_values(roles),
            password_hash=None if password is None else hash_password(password, name),
            issuer=identity[0] if identity else None,
            subject=identity[1] if identity else None,
        )
        .on_conflict_do_nothing()
        .returning(Account.id)
    )
    if made is None:
        raise AccountError("there is an account of that name; the audit trail knows it, so choose another")
    audit.record(session, by, AuditEventKind.USER_ADDED, account=name, roles=" ".join(_values(roles)))
    return session.get_one(Account, made)


def find_account(session: Session, name: str) -> Account:
    """The account of a sign-in name, locked. Raises `UnknownAccountError`."""
    account = session.scalar(select(Account).filter_by(name=plain_name(name)).with_for_update())
    if account is None:
        raise UnknownAccountError("there is no user of that name; see 'facialis user list'")
    return account


def list_accounts(session: Session) -> Sequence[Account]:
    """Every account, by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()


def adopt(session: Session, by: Actor, person: Person) -> Account:
    """The account of whoever the identity provider let in, made if new, with the roles that it gives now.

    Raises:
        AccountError: none of these roles is ours, the account is disabled, or its name is another person's.
    """
    if not person.roles:
        raise AccountError("the identity provider gives none of the roles that web.oidc.roles names")
    identity = {"issuer": person.issuer, "subject": person.subject}
    account = session.scalar(select(Account).filter_by(**identity).with_for_update())
    if account is None:
        pair = (person.issuer, person.subject)
        full = "".join(filter(str.isprintable, person.display_name))[:LONGEST_DISPLAY_NAME]
        return add_account(session, by, person.name, person.roles, display_name=full, identity=pair)
    if account.disabled_at is not None:
        raise AccountError("this user is disabled")
    if account.roles != _values(person.roles):
        # The provider is the authority, also where this leaves nobody who administers.
        _give_roles(session, by, account, person.roles)
    return account


def nobody_can_sign_in(database: str) -> bool:
    """Whether the database of this address has no account yet."""
    engine = connect(database)
    try:
        with transaction(engine) as session:
            return session.scalar(select(Account.id).limit(1)) is None
    finally:
        engine.dispose()


def change_roles(session: Session, by: Actor, account: Account, roles: Collection[Role]) -> None:
    """Give an account other roles; it has to sign in again.

    Raises:
        AccountError: nobody would be left who administers.
    """
    if Role.ADMINISTRATOR not in roles:
        _keep_an_administrator(session, account)
    _give_roles(session, by, account, roles)


def change_password(session: Session, by: Actor, account: Account, password: str) -> None:
    """Give an account another password; it has to sign in again. Raises `PasswordError`."""
    account.password_hash = hash_password(password, account.name)
    _end_sessions(session, account)
    audit.record(session, by, AuditEventKind.USER_CHANGED, account=account.name, change="password")


def disable(session: Session, by: Actor, account: Account) -> None:
    """Let an account in no more and end its sessions.

    Raises:
        AccountError: nobody would be left who administers.
    """
    _keep_an_administrator(session, account)
    account.disabled_at = func.clock_timestamp()
    _end_sessions(session, account)
    audit.record(session, by, AuditEventKind.USER_CHANGED, account=account.name, change="disabled")


def enable(session: Session, by: Actor, account: Account) -> None:
    """Let a disabled account in again."""
    account.disabled_at = None
    audit.record(session, by, AuditEventKind.USER_CHANGED, account=account.name, change="enabled")


def _keep_an_administrator(session: Session, account: Account) -> None:
    if Role.ADMINISTRATOR not in account.roles or account.disabled_at is not None:
        return
    # Locked in one order, so that two who disable each other at once do not both succeed.
    administrators = session.scalars(
        select(Account)
        .where(Account.roles.contains([Role.ADMINISTRATOR.value]), Account.disabled_at.is_(None))
        .order_by(Account.id)
        .with_for_update()
    ).all()
    if [other.id for other in administrators] == [account.id]:
        raise AccountError("this is the only administrator: make another one first")


def _give_roles(session: Session, by: Actor, account: Account, roles: Collection[Role]) -> None:
    account.roles = _values(roles)
    _end_sessions(session, account)
    given = " ".join(account.roles)
    audit.record(session, by, AuditEventKind.USER_ROLE_CHANGED, account=account.name, roles=given)


def _end_sessions(session: Session, account: Account) -> None:
    session.execute(delete(SignedIn).where(SignedIn.account_key == account.id))


def _values(roles: Collection[Role]) -> list[str]:
    return [role.value for role in Role if role in roles]
