"""The two kinds of error that carry the whole retry policy.

A `PermanentError` fails the same way however often it is tried: it is shown to a person. A `TransientError`
may pass: it is tried again later. Every error names a stable short ``code`` that appears in the log, on the
page and in the docs, and a message that says what to do; neither holds a name, a birth date or pixels.
"""

from typing import ClassVar


class FacialisError(Exception):
    """Root of every error that Facialis raises on purpose."""

    code: ClassVar[str] = "error"


class PermanentError(FacialisError):
    """Trying again cannot help; a person has to change something."""

    code = "permanent"


class TransientError(FacialisError):
    """Trying again later may help; nothing has to be changed."""

    code = "transient"
