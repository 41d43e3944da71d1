"""A message that came in: decoded by its own character set, taken apart, its fields by name."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import hl7

from service.hl7.fields import CHARACTER_SETS, parse_day, unescaped
from service.hl7.parsing import NotAMessageError, parse_message
from service.hl7.problems import (
    MISSING,
    NO_MESSAGE,
    UNKNOWN_CHARACTERS,
    UNKNOWN_KEY,
    WRONG_CHARACTERS,
    WRONG_VERSION,
    MessageProblemError,
)
from service.listener_settings import split_path

_MSH = re.compile(rb"MSH([^\w\s])")
_HEADER_FIELDS = 20


@dataclass(frozen=True)
class Header:
    """What the acknowledgement needs of MSH, read from the bytes: there even where the rest is unreadable."""

    separator: str = "|"
    encoding: str = "^~\\&"
    parties: tuple[str, str, str, str] = ("", "", "", "")
    """MSH-3 to MSH-6: sending application and facility, receiving application and facility."""
    kind: str = ""
    """MSH-9.1, such as ``ADT``."""
    event: str = ""
    """MSH-9.2, such as ``A08``."""
    control_id: str = ""
    processing_id: str = "P"
    version: str = "2.5.1"
    accept_only: bool = False
    """Whether the receipt alone is to be acknowledged (enhanced mode)."""
    character_set: str = ""

    @property
    def trigger(self) -> str:
        """Such as ``ADT^A08``."""
        return f"{self.kind}^{self.event}"

    @property
    def sender(self) -> str:
        """MSH-3 and MSH-4."""
        return "|".join(self.parties[:2])


def read_header(block: bytes) -> Header:
    """What MSH says. Raises `MessageProblemError` where the bytes do not start with one."""
    found = _MSH.match(block)
    if found is None:
        raise MessageProblemError(NO_MESSAGE, "the message does not start with MSH", reject=True)
    line = re.split(rb"[\r\n]", block, maxsplit=1)[0].decode("latin-1")
    separator = found[1].decode("latin-1")
    fields = line.split(separator)
    fields += [""] * (_HEADER_FIELDS - len(fields))
    component = fields[1][:1] or "^"
    kind, event = (*fields[8].split(component), "", "")[:2]
    sets = fields[17].split(fields[1][1:2] or "~")
    return Header(
        separator=separator,
        encoding=fields[1],
        parties=(fields[2], fields[3], fields[4], fields[5]),
        kind=kind.strip(),
        event=event.strip(),
        control_id=fields[9].strip(),
        processing_id=fields[10] or "P",
        version=fields[11] or "2.5.1",
        accept_only=fields[14].strip() == "AL" and fields[15].strip() == "NE",
        character_set=sets[0].strip(),
    )


@dataclass(frozen=True)
class Inbound:
    """A whole message. Its text is left out of ``repr``, which may reach a log."""

    header: Header
    message: hl7.Message = field(repr=False)

    def segments(self, name: str) -> Iterator[hl7.Segment]:
        """The segments of that name, in order."""
        return (segment for segment in self.message if str(segment[0]) == name)

    def value(self, path: str, within: hl7.Segment | None = None) -> str:
        """The field or component of a path, in plain text; "" where it is absent.

        The first segment of that name counts, or ``within`` where it is one.
        """
        if not path:
            return ""
        name, number, component = split_path(path)
        segment = within if within is not None and str(within[0]) == name else next(self.segments(name), None)
        if segment is None or len(segment) <= number:
            return ""
        text = str(segment[number]).split(self.header.encoding[1:2] or "~")[0]
        if component:
            parts = text.split(self.header.encoding[:1])
            text = parts[component - 1] if len(parts) >= component else ""
        return self.plain(text)

    def day(self, path: str, within: hl7.Segment | None = None) -> dt.date | None:
        """The day of a field; None where it is empty or coarser than a day (such as ``19700000``).

        Raises:
            MessageProblemError: the calendar has no such day.
        """
        text = self.value(path, within)
        day, digits = parse_day(text), text[:8]
        if day is None and len(digits) == 8 and digits.isdecimal() and "00" not in (digits[4:6], digits[6:]):
            raise MessageProblemError(UNKNOWN_KEY, f"{path} is no day that the calendar has")
        return day

    def repetitions(self, segment: hl7.Segment, number: int) -> list[list[str]]:
        """A field's repetitions, each as its components as they were sent; see `plain`."""
        if len(segment) <= number or not str(segment[number]):
            return []
        repeated = str(segment[number]).split(self.header.encoding[1:2] or "~")
        return [one.split(self.header.encoding[:1]) for one in repeated]

    def first_part(self, text: str) -> str:
        """The first of a component's own parts (sub-components) that says something, in plain text."""
        parts = map(self.plain, text.split(self.header.encoding[3:4] or "&"))
        return next(filter(None, parts), "")

    def plain(self, text: str) -> str:
        """What a part of a field says, without escapes; HL7's explicit nothing (two quotes) is nothing.

        Raises:
            MessageProblemError: an escape stands for a NUL, which no record holds.
        """
        said = "" if text == '""' else unescaped(text, self.header.encoding).strip()
        if "\0" in said:
            raise MessageProblemError(WRONG_CHARACTERS, "the text holds NUL characters")
        return said


def read_inbound(block: bytes, header: Header, default_set: str) -> Inbound:
    """The message, decoded by MSH-18, or by ``default_set`` where that is empty.

    Raises:
        MessageProblemError: the character set is not known, the bytes are not of it, or they are no message.
    """
    name = header.character_set or default_set
    if name not in CHARACTER_SETS:
        raise MessageProblemError(
            UNKNOWN_CHARACTERS, "the character set of MSH-18 is not known here", reject=True, place="MSH^1^18"
        )
    try:
        text = block.decode(CHARACTER_SETS[name])
    except UnicodeDecodeError:
        said = "MSH-18" if header.character_set else "MSH-18, which is empty,"
        raise MessageProblemError(
            WRONG_CHARACTERS, f"the text is not in the character set of {said} ({name})", place="MSH^1^18"
        ) from None
    if "\0" in text:
        raise MessageProblemError(WRONG_CHARACTERS, "the text holds NUL characters")
    if not header.version.startswith("2."):
        raise MessageProblemError(
            WRONG_VERSION, "only versions 2.x are understood", reject=True, place="MSH^1^12"
        )
    if not header.control_id:
        raise MessageProblemError(MISSING, "MSH-10, the control id, is empty", place="MSH^1^10")
    try:
        parsed = parse_message(text)
    except NotAMessageError as error:
        raise MessageProblemError(NO_MESSAGE, str(error), reject=True, place="MSH^1^2") from None
    if sum(str(segment[0]) == "MSH" for segment in parsed) > 1:
        words = "one frame holds two messages, and none was used: frame each by itself"
        raise MessageProblemError(NO_MESSAGE, words, reject=True, place="MSH^2")
    return Inbound(header, parsed)
