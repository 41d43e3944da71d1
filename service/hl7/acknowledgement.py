"""What a peer's acknowledgement (MSA) means for the message that it answers."""

import hl7

from dicom.peers import PeerUnavailableError
from service.delivery.outcomes import Outcome
from service.hl7.fields import unescaped
from service.hl7.parsing import NotAMessageError, parse_message

TAKEN = {"AA", "CA"}
TRY_AGAIN = {"AE", "CE"}
FOR_GOOD = {"AR", "CR"}
WORDS_KEPT = 500


def read_answer(answer: bytes, control: str) -> Outcome:
    """What the acknowledgement says of the message with the control id ``control``.

    Raises:
        PeerUnavailableError: it is no acknowledgement, or answers another message: the peer cannot be relied
            on for the moment.
    """
    try:
        message = parse_message(answer.decode("utf-8", "replace").strip("\r\n\0 "))
        acknowledged = message.segment("MSA")
    except (NotAMessageError, KeyError):
        raise PeerUnavailableError("the peer answered something that is no acknowledgement") from None
    code, answered = _field(acknowledged, 1).strip().upper(), _field(acknowledged, 2).strip()
    if answered != control:
        raise PeerUnavailableError("the peer acknowledged another message than the one it was sent")
    said = " ".join([code, *_words(message)])[:WORDS_KEPT]
    if code in TAKEN:
        return Outcome(ok=True, words=said)
    if code in TRY_AGAIN:
        return Outcome(ok=False, words=said, transient=True, answered=True, limited=True)
    if code in FOR_GOOD:
        return Outcome(ok=False, words=said)
    raise PeerUnavailableError("the peer's acknowledgement has no known code")


def _words(message: hl7.Message) -> list[str]:
    """MSA-3, and of each ERR segment what stands in the fields for people and the error's code."""
    found = [_field(message.segment("MSA"), 3)]
    for segment in message:
        if str(segment[0]) == "ERR":
            found += [_field(segment, number) for number in (8, 7, 3, 1)]
    words = [unescaped(text).replace("^", " ").strip() for text in found]
    return list(dict.fromkeys(text for text in words if text))


def _field(segment: hl7.Segment, number: int) -> str:
    return str(segment[number]) if len(segment) > number else ""
