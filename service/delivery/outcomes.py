"""What is sent, and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.errors import PermanentError


@dataclass(frozen=True)
class Parcel:
    """One document for one destination.

    ``content`` is the file that is delivered: a DICOM object, or the result that a message is made from;
    ``document`` the file that people read. ``retries`` counts how often a person let a failed delivery be
    tried again.
    """

    kind: str
    uid: str
    content: Path
    document: Path
    retries: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one document, in words that are the peer's own where it gave any.

    ``transient``: sending it again later may help. ``answered``: of a transient failure, that the peer was
    there. ``limited``: that it found fault with this document, which is sent a few times more only. Not
    ``begun``: its turn did not come, which is no attempt.
    """

    ok: bool
    words: str
    transient: bool = False
    answered: bool = False
    limited: bool = False
    begun: bool = True

    @property
    def reached(self) -> bool:
        """Whether the destination was there."""
        return self.ok or self.answered or not self.transient


NOT_BEGUN = Outcome(ok=False, words="not sent yet", transient=True, begun=False)

Outcomes = Mapping[int, Outcome]
"""By the delivery's row."""


def prepared(make: Callable[[], bytes]) -> bytes | Outcome:
    """What ``make`` gives, or, where that cannot be made, what became of this one document.

    The others that go with it are not held up by it.
    """
    try:
        return make()
    except PermanentError as error:
        return Outcome(ok=False, words=str(error))
    except FileNotFoundError:
        return Outcome(ok=False, words="its stored file is gone: restore the data folder, then retry")
    except ValueError:
        return Outcome(ok=False, words="its stored file is damaged: restore the data folder, then retry")
