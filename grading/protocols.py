"""Photo protocols as data: which poses a series shows, in which order.

Source: Raj et al., Fig. 2 (the nine frontal photos of the Jena protocol, order fixed).
"""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Pose:
    """One movement (or the rest) that a photo of the series shows.

    ``code`` is the identifier used everywhere: in tables, files and as the DICOM code value of the private
    scheme ``99FACEPALSY``. ``number`` is the photo's place in the protocol, from 1.
    """

    code: str
    number: int
    name: str
    required: bool = True


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

PROTOCOLS: dict[str, Protocol] = {protocol.id: protocol for protocol in (JENA9,)}
