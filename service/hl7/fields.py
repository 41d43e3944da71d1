"""The fields of HL7 v2 messages as text: escapes, times, names, and the character sets of MSH-18."""

import datetime as dt
import re

from grading.errors import PermanentError

SEPARATORS = r"^~\&"
_ESCAPED = {
    "\\": "\\E\\",
    "|": "\\F\\",
    "^": "\\S\\",
    "&": "\\T\\",
    "~": "\\R\\",
    "\r": "\\.br\\",
    "\n": "\\.br\\",
}
_MEANT = {"E": "\\", "F": "|", "S": "^", "T": "&", "R": "~", ".br": "\n"}

CHARACTER_SETS = {
    "": "ascii",
    "ASCII": "ascii",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "KS X 1001": "euc_kr",
}
"""Python's codecs by the names of table 0211."""


class CharacterSetError(PermanentError):
    """A message has characters that its character set (MSH-18) cannot carry, or one that is not known."""

    code = "hl7.character_set"


def escaped(text: str) -> str:
    """Text for a field or component: separators and line ends as escapes, other control signs left out."""
    plain = text.replace("\r\n", "\n")
    kept = "".join(sign for sign in plain if sign >= " " or sign in "\r\n")
    return "".join(_ESCAPED.get(sign, sign) for sign in kept)


def unescaped(text: str, separators: str = SEPARATORS) -> str:
    """What a field meant. ``separators`` are those of MSH-2; an escape that is not known is left as it is."""
    escape = separators[2] if len(separators) > 2 else ""
    if not escape or escape not in text:
        return text
    sign = re.escape(escape)
    return re.sub(
        f"{sign}([^{sign}]*){sign}",
        lambda found: _hexadecimal(found[1]) or _MEANT.get(found[1], found[0]),
        text,
    )


def timestamp(moment: dt.datetime | dt.date) -> str:
    """A time as HL7 writes it, to the second and with its zone where it has one; a day as a day."""
    if not isinstance(moment, dt.datetime):
        return f"{moment:%Y%m%d}"
    return f"{moment:%Y%m%d%H%M%S}" + (f"{moment:%z}" if moment.tzinfo else "")


def parse_day(text: str) -> dt.date | None:
    """The day of a time stamp (``YYYYMMDD…``); None where it is empty, coarser than a day or no time."""
    digits = text.strip()[:8]
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def name_components(person_name: str) -> str:
    """A DICOM person name as XPN: family, given, further given, suffix, prefix; its alphabetic group."""
    group = person_name.split("=")[0]
    family, given, middle, prefix, suffix = ([*group.split("^"), *[""] * 5])[:5]
    return "^".join(escaped(part) for part in (family, given, middle, suffix, prefix)).rstrip("^")


def encoded(message: str, character_set: str) -> bytes:
    """The message in the character set of MSH-18. Raises `CharacterSetError`."""
    try:
        return message.encode(CHARACTER_SETS[character_set])
    except UnicodeEncodeError:
        raise CharacterSetError(
            f"the message has characters that {character_set} cannot carry: set the destination's "
            "character_set to UNICODE UTF-8"
        ) from None


def _hexadecimal(escape: str) -> str:
    """``Xdd…`` as the characters that it stands for, "" for any other escape."""
    if not re.fullmatch("X([0-9A-Fa-f]{2})+", escape):
        return ""
    return bytes.fromhex(escape[1:]).decode("utf-8", "replace")
