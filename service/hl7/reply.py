"""The acknowledgement of a message that came in."""

import datetime as dt
from dataclasses import dataclass

from service.hl7.fields import CHARACTER_SETS, SEPARATORS, escaped, timestamp
from service.hl7.inbound import Header
from service.hl7.problems import Condition, MessageProblemError

APPLICATION = "FACIALIS"


@dataclass(frozen=True)
class Answer:
    """An acknowledgement code (AA, AE, AR; CA, CE, CR in enhanced mode) and the message that carries it."""

    code: str
    message: bytes


def accepted(header: Header, words: str, now: dt.datetime) -> Answer:
    """The message was taken."""
    return _answer(header, "A", words, None, "", now)


def problem_answer(header: Header, problem: MessageProblemError, now: dt.datetime) -> Answer:
    """The message cannot be used."""
    family = "R" if problem.reject else "E"
    return _answer(header, family, str(problem), problem.condition, problem.place, now)


def _answer(
    header: Header, family: str, words: str, condition: Condition | None, place: str, now: dt.datetime
) -> Answer:
    code = ("C" if header.accept_only else "A") + family
    sender, facility, receiver, receiving_facility = header.parties
    known = header.character_set if header.character_set in CHARACTER_SETS else ""
    kind = f"ACK^{header.event}^ACK" if header.event else "ACK"
    # Separators of our own: those of the message may be what is wrong with it.
    segments = [
        ["MSH", SEPARATORS, receiver or APPLICATION, receiving_facility, sender, facility, timestamp(now),
         "", kind, f"A{header.control_id}"[:199], header.processing_id, header.version,
         *[""] * 5, known],
        ["MSA", code, header.control_id, escaped(words)],
    ]  # fmt: skip
    if condition is not None:
        described = f"{condition.code}^{condition.meaning}^HL70357"
        segments.append(["ERR", "", place, described, "E", "", "", "", escaped(words)])
    text = "".join("|".join(fields).rstrip("|") + "\r" for fields in segments)
    return Answer(code, text.encode(CHARACTER_SETS[known] if known else "ascii", "replace"))
