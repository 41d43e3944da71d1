"""Who may use the pages, and who is signed in."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.base import Base


class Account(Base):
    """A person who may sign in: with a password of ours, or by the hospital's identity provider."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("name <> '' AND name = lower(name)", "name"),
        UniqueConstraint("issuer", "subject"),
        CheckConstraint("(issuer IS NULL) = (subject IS NULL)", "identity"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """What is typed to sign in and stands in the audit trail; never given to another person."""
    display_name: Mapped[str] = mapped_column(String(128), server_default="")
    roles: Mapped[list[str]] = mapped_column(server_default="[]")
    """Values of `service.access.roles.Role`."""
    password_hash: Mapped[str | None] = mapped_column(String(256))
    """Argon2id; none for who signs in by the identity provider only."""
    issuer: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    """Of the identity provider: `iss` and `sub`."""
    language: Mapped[str | None] = mapped_column(String(8))
    """Chosen for the pages; none means the browser's."""
    disabled_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    last_signed_in_at: Mapped[dt.datetime | None]

    sessions: Mapped[list["SignedIn"]] = relationship(back_populates="account", passive_deletes=True)


class SignedIn(Base):
    """A browser that somebody signed in with. Only the hash of what its cookie holds is stored."""

    __tablename__ = "signed_in"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_key: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    began_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    seen_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    """To the minute."""

    account: Mapped[Account] = relationship(back_populates="sessions")
    overrides: Mapped[list["BreakGlass"]] = relationship(back_populates="signed_in", passive_deletes=True)


class BreakGlass(Base):
    """A stated need to see one patient, against the roles, for a while and in one browser."""

    __tablename__ = "break_glass"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    signed_in_key: Mapped[int] = mapped_column(ForeignKey("signed_in.id", ondelete="CASCADE"), index=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    until: Mapped[dt.datetime]

    signed_in: Mapped[SignedIn] = relationship(back_populates="overrides")


class SignInFailure(Base):
    """A sign-in that failed, or has not succeeded yet; counted to slow down who guesses."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (
        Index("ix_sign_in_failure_name_at", "name", "at"),
        Index("ix_sign_in_failure_address_at", "address", "at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    """As typed, in lower case; there need be no such account."""
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
