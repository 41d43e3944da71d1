"""Numbers as people type them: `12, 14-20`."""

import re

from grading.errors import PermanentError
from service.web.access import MOST

_PART = re.compile(r"(\d{1,19})(?:\s*[-–]\s*(\d{1,19}))?")


class NumberListError(PermanentError):
    """A list of numbers cannot be read."""

    code = "numbers.invalid"


def read_numbers(text: str, most: int) -> set[int] | None:
    """The numbers of a list; None where it is empty, which means all.

    Raises:
        NumberListError: it is no list of numbers and ranges, or has more than ``most`` of them.
    """
    parts = [part for part in re.split(r"[,;\s]+", re.sub(r"\s*[-–]\s*", "-", text.strip())) if part]
    numbers: set[int] = set()
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None:
            raise NumberListError("give numbers and ranges, such as 12, 14-20")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise NumberListError("give numbers and ranges, such as 12, 14-20")
        if last > MOST or last - first >= most or len(numbers) > most:
            raise NumberListError(f"these are more than {most} numbers: give fewer at a time")
        numbers |= set(range(first, last + 1))
    if text.strip() and not numbers:
        raise NumberListError("give numbers and ranges, such as 12, 14-20")
    return numbers or None
