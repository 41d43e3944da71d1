"""Photo protocols as data: which poses a series shows, in which order, and how one protocol serves another.

A pose has the same code in every protocol that shows it. A clinic's own protocol is a TOML or JSON file,
see `load_protocol`.

Sources: Raj et al., Fig. 2 (the nine frontal photos of the Jena protocol, order fixed); PMC11336214, Fig. 4
(the later Jena list of eleven movements); Auto-eFACE and Emotrics (the eight photos of the Massachusetts Eye
and Ear Infirmary).
"""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from grading.errors import PermanentError


class ProtocolError(PermanentError):
    """A photo protocol cannot be used as it is written; the message says what to change."""

    code = "protocol.invalid"


@dataclass(frozen=True)
class Pose:
    """One movement (or the rest) that a photo of the series shows.

    ``code`` is the identifier used everywhere: in tables, files and as the DICOM code value of the private
    scheme ``99FACEPALSY``. ``number`` is the photo's place in the protocol, from 1. ``note`` says where the
    protocol takes the pose differently from others.
    """

    code: str
    number: int
    name: str
    required: bool = True
    note: str = ""


@dataclass(frozen=True)
class Protocol:
    """An ordered set of poses. ``provisional`` marks a list that the clinic has not confirmed."""

    id: str
    name: str
    poses: tuple[Pose, ...]
    provisional: bool = False

    @cached_property
    def by_code(self) -> dict[str, Pose]:
        """The poses by their code."""
        return {pose.code: pose for pose in self.poses}

    @cached_property
    def by_number(self) -> dict[int, Pose]:
        """The poses by their place in the series, from 1."""
        return {pose.number: pose for pose in self.poses}

    @cached_property
    def required(self) -> tuple[Pose, ...]:
        """The poses without which a recording is not complete."""
        return tuple(pose for pose in self.poses if pose.required)


@dataclass(frozen=True)
class StandIn:
    """A pose that may be looked at where ``wanted`` was not photographed, and how the two differ."""

    wanted: str
    shown: str
    difference: str


JENA9 = Protocol(
    id="jena9",
    name="Jena, nine frontal photos",
    poses=(
        Pose("REST", 1, "Neutral face"),
        Pose("BROW", 2, "Brow elevation"),
        Pose("EYESOFT", 3, "Gentle eye closure"),
        Pose("EYETIGHT", 4, "Squeezed eyes"),
        Pose("NOSE", 5, "Wrinkled nose"),
        Pose("SMILE", 6, "Smile, closed mouth"),
        Pose("TEETH", 7, "Showing teeth"),
        Pose("PUCKER", 8, "Pursed lips"),
        Pose("CORNERS", 9, "Lowered mouth corners"),
    ),
)

JENA12 = Protocol(
    id="jena12",
    name="Jena, twelve photos",
    poses=(
        *JENA9.poses[:8],
        Pose("CHEEKS", 9, "Cheeks blown out"),
        Pose("SNARL", 10, "Snarl"),
        Pose("CORNERS", 11, "Lowered mouth corners"),
        Pose("REST2", 12, "Neutral face at the end", required=False, note="the twelfth photo is not known"),
    ),
    provisional=True,
)

MEEI8 = Protocol(
    id="meei8",
    name="Massachusetts Eye and Ear, eight photos",
    poses=(
        *JENA9.poses[:4],
        Pose("SMILE", 5, "Small smile", note="the screen asks for the best smile; the mouth may be open"),
        Pose("SMILE_LARGE", 6, "Large smile, showing teeth"),
        Pose("PUCKER", 7, "Pursed lips"),
        Pose("TEETH", 8, "Showing teeth"),
    ),
)

# the default stands last: where a pose is looked up by its code over all protocols, its number there counts
PROTOCOLS: dict[str, Protocol] = {protocol.id: protocol for protocol in (MEEI8, JENA12, JENA9)}

STAND_INS = (
    StandIn("REST", "REST2", "taken after the movements"),
    StandIn("NOSE", "SNARL", "a snarl raises the upper lip too"),
    StandIn("SNARL", "NOSE", "a wrinkled nose raises the upper lip less"),
    StandIn("SMILE", "SMILE_LARGE", "larger, and with open mouth"),
    StandIn("SMILE_LARGE", "TEETH", "the lower lip is pulled down as well"),
    StandIn("TEETH", "SMILE_LARGE", "the lower lip is not pulled down on purpose"),
)
"""What may stand in for what, the best first. A closed-mouth smile stands in for no movement of open lips."""


def stand_ins(source: Protocol, target: Protocol) -> dict[str, StandIn]:
    """The poses of ``target`` that ``source`` shows only by another pose, by code.

    A result read from such a photo has to say so.
    """
    found: dict[str, StandIn] = {}
    for stand_in in STAND_INS:
        missing = stand_in.wanted in target.by_code and stand_in.wanted not in source.by_code
        if missing and stand_in.shown in source.by_code:
            found.setdefault(stand_in.wanted, stand_in)
    return found


def pose_map(source: Protocol, target: Protocol) -> dict[str, str | None]:
    """For each pose of ``target``, in its order, the code of the pose of ``source`` that shows it.

    The same code where both have it, else the first of `STAND_INS`, else None.
    """
    others = stand_ins(source, target)
    return {
        code: code if code in source.by_code else others[code].shown if code in others else None
        for code in target.by_code
    }


_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,15}")  # a DICOM code value has at most 16 characters
_NAME_LONGEST = 64  # as a DICOM code meaning
_POSES_MOST = 99


def load_protocol(path: Path) -> Protocol:
    """Read a clinic's own protocol from a TOML or JSON file (by its suffix).

    The file has ``id``, ``name``, perhaps ``provisional``, and a list ``poses`` in the order of the photos,
    each with ``code``, ``name`` and perhaps ``required`` and ``note``::

        id = "our-clinic"
        name = "Our clinic, three photos"
        poses = [
            { code = "REST", name = "Neutral face" },
            { code = "SMILE", name = "Smile, closed mouth" },
            { code = "PROFILE", name = "Profile", required = false },
        ]

    A pose that other protocols know keeps its code, so that scales and bundles find it.

    Raises `ProtocolError`.
    """
    table = _Table(_parsed(path), path.name)
    table.only("id", "name", "provisional", "poses")
    rows = table.values.get("poses")
    if not isinstance(rows, list) or not 1 <= len(rows) <= _POSES_MOST:
        raise ProtocolError(f"{path.name}: poses must be a list of 1 to {_POSES_MOST} tables, one per photo")
    protocol = Protocol(
        id=table.text("id", _ID, "1 to 32 small letters, digits and hyphens"),
        name=table.name(),
        poses=tuple(_pose(row, number, path.name) for number, row in enumerate(rows, start=1)),
        provisional=table.flag("provisional", default=False),
    )
    if protocol.id in PROTOCOLS:
        raise ProtocolError(f"{path.name}: {protocol.id} is a built-in protocol: choose another id")
    if len(protocol.by_code) < len(protocol.poses):
        raise ProtocolError(f"{path.name}: two poses have the same code: give each its own")
    if not protocol.required:
        raise ProtocolError(f"{path.name}: no pose is required: leave out required = false for at least one")
    return protocol


def _parsed(path: Path) -> object:
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ProtocolError(f"{path.name} is neither TOML nor JSON: name it .toml or .json")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProtocolError(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{path.name} is not UTF-8 text: save it as UTF-8") from error
    try:
        return reader(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{path.name} is not valid {path.suffix[1:].upper()}: {error}") from error


def _pose(row: object, number: int, file: str) -> Pose:
    table = _Table(row, f"{file}, pose {number}")
    table.only("code", "name", "required", "note")
    return Pose(
        code=table.text("code", _CODE, "1 to 16 capital letters, digits and underscores, a letter first"),
        number=number,
        name=table.name(),
        required=table.flag("required", default=True),
        note=table.name("note") if "note" in table.values else "",
    )


class _Table:
    """A table of the file under check; ``where`` begins every message."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise ProtocolError(f"{where} must be a table of names and values")
        self.values: dict[str, Any] = values
        self.where = where

    def only(self, *known: str) -> None:
        unknown = [name for name in self.values if name not in known]
        if unknown:
            raise ProtocolError(f"{self.where}: {unknown[0]!r} is not known: use {', '.join(known)}")

    def text(self, name: str, pattern: re.Pattern[str], rule: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ProtocolError(f"{self.where}: {name} must be text of {rule}")
        return value

    def name(self, name: str = "name") -> str:
        value = self.values.get(name)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise ProtocolError(f"{self.where}: {name} must be one line of text")
        if len(value) > _NAME_LONGEST:
            raise ProtocolError(f"{self.where}: {name} must have at most {_NAME_LONGEST} characters")
        return value.strip()

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise ProtocolError(f"{self.where}: {name} must be true or false")
        return value
