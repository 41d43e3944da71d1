"""Whatever bytes come: a message is used or refused with a reason, and nothing else happens."""

import datetime as dt
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from dicom.peers import PeerUnavailableError
from service.hl7.acknowledgement import read_answer
from service.hl7.fields import escaped, unescaped
from service.hl7.inbound import read_header, read_inbound
from service.hl7.persons import read_identifiers, read_person
from service.hl7.problems import MessageProblemError
from service.hl7.reply import accepted, problem_answer
from service.listener_settings import ORDERED, ListenerSettings

SETTINGS = ListenerSettings()
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MESSAGE = (
    b"MSH|^~\\&|KIS|C|F|C|20260101||ADT^A40|1|P|2.5.1||||||UNICODE UTF-8\r"
    b"PID|1||FP-1^^^CLINIC&1.2&ISO^MR~2^^^X^SS||M\xc3\xbcller^\xc3\x84nne||19600229|F\r"
    b"MRG|FP-2^^^CLINIC^MR\rORC|NW|O-1\rOBR|1|O-1||5-044^Graft^OPS|||20240312||||||||face^^^^L\r"
)


def use(block: bytes) -> None:
    """All that is read of a message before the records are touched."""
    header = read_header(block)
    try:
        message = read_inbound(block, header, SETTINGS.character_set)
        for segment in message.message:
            read_identifiers(message, segment, 1, SETTINGS)
            message.value(ORDERED.code, segment)
            message.value(ORDERED.dates[0], segment)
        for pid in message.segments("PID"):
            read_person(message, pid, SETTINGS)
    except MessageProblemError as problem:
        answer = problem_answer(header, problem, NOW)
    else:
        answer = accepted(header, "taken", NOW)
    assert answer.message.startswith(b"MSH|^~\\&|")
    assert answer.message.count(b"\rMSA|") == 1


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_used_or_refused(block: bytes) -> None:
    for one in (block, b"MSH" + block, b"MSH|^~\\&|" + block):
        with suppress(MessageProblemError):
            use(one)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_messages_are_used_or_refused(data: st.DataObject) -> None:
    block = bytearray(MESSAGE)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(4, len(block) - 1))
        match data.draw(st.sampled_from(["set", "cut", "repeat"])):
            case "set":
                block[place] = data.draw(st.sampled_from(b"|^~\\&\r\n\0\x1c\xff A1"))
            case "cut":
                del block[place : place + data.draw(st.integers(1, 20))]
            case _:
                block[place:place] = block[place : place + 10]
    use(bytes(block))


@given(st.text(alphabet=st.characters(min_codepoint=32), max_size=50))
def test_every_text_comes_back_from_its_escapes(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=200, deadline=None)
def test_answers_of_peers_never_break_the_sender(answer: bytes, framed: bool) -> None:
    text = b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|AA|" + answer if framed else answer
    with suppress(PeerUnavailableError):
        assert read_answer(text, "CTL1").words
