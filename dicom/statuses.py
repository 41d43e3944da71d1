"""The C-STORE reply codes by name (PS3.4 Table B.2-1, PS3.7 Annex C), and what a sender may do about them."""

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
NOT_AUTHORIZED = 0x0124
INVALID_ARGUMENT = 0x0115
"""Of N-ACTION (PS3.7 Annex C)."""
PROCESSING_FAILURE = 0x0110

_WARNINGS = {
    0x0001: "stored, with a warning",
    0x0111: "already there",
    0xB000: "stored, some elements were coerced",
    0xB006: "stored, some elements were discarded",
    0xB007: "stored, though it does not match its SOP class",
}
_FAILURES = {
    0x0110: "the peer failed while processing",
    0x0117: "the peer calls the SOP instance invalid",
    0x0122: "the peer does not support the SOP class",
    0x0124: "the peer does not allow this sender to store",
    0x0210: "the peer saw the message twice",
    0x0211: "the peer does not know the operation",
    0x0212: "the peer could not read the message",
}
_FAILURE_RANGES = {
    0xA700: "the peer is out of resources",
    0xA800: "the peer does not support the SOP class",
    0xA900: "the peer says that the data do not match their SOP class",
}

REPLIES = (SUCCESS, *_WARNINGS, *_FAILURES, *_FAILURE_RANGES, NOT_UNDERSTOOD)
"""Every reply that has words of its own; a range by its first code."""


def is_stored(status: int) -> bool:
    """Whether the peer keeps the object: success or one of the warnings."""
    return status == SUCCESS or status in _WARNINGS or 0xB000 <= status <= 0xBFFF


def is_transient(status: int) -> bool:
    """Whether sending the same object again later may help (A7xx, and 0x0110 processing failure)."""
    return status == 0x0110 or 0xA700 <= status <= 0xA7FF


def words(status: int) -> str:
    """The status in plain words, for a page or a log."""
    if status == SUCCESS:
        return "stored"
    known = _WARNINGS.get(status) or _FAILURES.get(status) or _FAILURE_RANGES.get(status & 0xFF00)
    if known is None:
        known = "the peer could not understand the object" if status & 0xF000 == 0xC000 else "unknown reply"
    return f"{known} (0x{status:04X})"
