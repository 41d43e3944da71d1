"""Passwords: their rules, and their hashes by Argon2id with the parameters of RFC 9106 for little memory."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from grading.errors import PermanentError

SHORTEST = 12
LONGEST = 256
SHORTEST_GUESS = 5
"""A shorter name stands by chance in good passwords, those that we make included."""

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class PasswordError(PermanentError):
    """A password cannot be used."""

    code = "password.unfit"


def generate_password() -> str:
    """A password of 96 random bits that can be typed."""
    word = secrets.token_hex(12)
    return "-".join(word[start : start + 6] for start in range(0, len(word), 6))


def hash_password(password: str, name: str) -> str:
    """The hash to store.

    Raises:
        PasswordError: it is too short or too long, or is made of the user's name or of few characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST} to {LONGEST} characters")
    if (len(name) >= SHORTEST_GUESS and name in password.lower()) or len(set(password)) < 5:
        raise PasswordError("the password is easy to guess: leave out your name, and use more characters")
    return _hasher.hash(password)


def fits(password: str, stored: str | None) -> bool:
    """Whether this is the password; it takes as long where there is none to compare with."""
    try:
        _hasher.verify(stored or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_hex(16))
