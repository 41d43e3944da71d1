"""Taking a message apart by python-hl7, which trusts the separators that a message names."""

import re

import hl7

_LINE_ENDS = re.compile(r"[\r\n]+")


class NotAMessageError(ValueError):
    """The text is no HL7 v2 message."""


def parse_message(text: str) -> hl7.Message:
    """The message; segments may end with any line end, empty lines are left out.

    Raises:
        NotAMessageError: it does not start with MSH, or its separators (MSH-1, MSH-2) cannot be.
    """
    lines = [line for line in _LINE_ENDS.split(text) if line.strip()]
    if not lines or not lines[0].startswith("MSH") or not _usable(lines[0]):
        raise NotAMessageError("no message, or one with separators that cannot be")
    try:
        return hl7.parse("\r".join(lines))
    except (hl7.HL7Exception, ValueError, IndexError, KeyError):
        raise NotAMessageError("the message cannot be taken apart") from None


def _usable(msh: str) -> bool:
    """Whether the separators are four or five different signs, none of them a letter, digit or space."""
    separator = msh[3:4]
    signs = separator + msh[4:].split(separator or "|")[0]
    return (
        5 <= len(signs) <= 6
        and len(set(signs)) == len(signs)
        and not any(sign.isalnum() or sign.isspace() or not sign.isprintable() for sign in signs)
    )
