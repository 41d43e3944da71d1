"""What can be wrong with a message that came in: a code of table 0357, and words that say what to do."""

from dataclasses import dataclass

from grading.errors import PermanentError


@dataclass(frozen=True)
class Condition:
    """An error condition of HL7's table 0357."""

    code: str
    meaning: str


NO_MESSAGE = Condition("100", "Segment sequence error")
MISSING = Condition("101", "Required field missing")
WRONG_CHARACTERS = Condition("102", "Data type error")
UNKNOWN_CHARACTERS = Condition("103", "Table value not found")
UNSUPPORTED_TYPE = Condition("200", "Unsupported message type")
UNSUPPORTED_EVENT = Condition("201", "Unsupported event code")
WRONG_VERSION = Condition("203", "Unsupported version id")
UNKNOWN_KEY = Condition("204", "Unknown key identifier")
INTERNAL = Condition("207", "Application internal error")


class MessageProblemError(PermanentError):
    """A message cannot be used; it is answered AE (its content is wrong) or AR (it is none of ours)."""

    code = "hl7.message"

    def __init__(self, condition: Condition, words: str, *, reject: bool = False, place: str = "") -> None:
        super().__init__(words)
        self.condition = condition
        self.reject = reject
        self.place = place
        """Segment, its number and the field, such as ``PID^1^3``."""
