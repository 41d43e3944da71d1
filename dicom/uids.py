"""Unique identifiers that are derived, not drawn: the same parts give the same UID, a retry adds nothing."""

import json
import re
import uuid

_NAMESPACE = uuid.UUID("0d5a4c0e-6f0f-5c38-9f3e-3b0a1f7a2c11")
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def derived_uid(*parts: str) -> str:
    """The UID that stands for ``parts``: a version 5 UUID under the root 2.25 (PS3.5 B.2), 44 characters."""
    name = json.dumps(parts, ensure_ascii=False)
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


def is_uid(text: str) -> bool:
    """Whether ``text`` is digits and single dots, 64 characters at most (PS3.5 9.1): safe in a path."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


IMPLEMENTATION_CLASS_UID = derived_uid("implementation class", "facialis")
IMPLEMENTATION_VERSION_NAME = "FACIALIS_0_1"
CODING_SCHEME = "99FACEPALSY"
CODING_SCHEME_UID = derived_uid("coding scheme", CODING_SCHEME)
"""The private coding scheme of poses: its values are the codes of `grading.protocols`."""
