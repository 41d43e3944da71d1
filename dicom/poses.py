"""Which photo shows which pose: a code, else words, else the order of a full series; never a guess.

No published code set covers the poses of a facial palsy series, so sites name them in their own ways. The
rules are data and a site sets its own.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dicom.headers import PhotoHeader
from dicom.uids import CODING_SCHEME
from grading.errors import PermanentError
from grading.protocols import PROTOCOLS, Pose, Protocol

DEFAULT_CODES: Mapping[str, str] = {
    f"{CODING_SCHEME}:{pose.code}": pose.code for protocol in PROTOCOLS.values() for pose in protocol.poses
}

_EYES = r"(?=.*(\beyes?\b|\beyelids?\b|\blids?\b|augen|auge\b|lidschlu))"
DEFAULT_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"\brest(ing)?\b|\bneutral|\brepose\b|\bruhe|\bunbewegt", "REST"),
    (r"\bbrows?\b|\beyebrows?\b|forehead|frown|stirn|augenbraue|brauen", "BROW"),
    (r"\beyesoft\b|" + _EYES + r".*(gentl|soft|light|loose|normal|sanft|leicht|locker)", "EYESOFT"),
    (
        r"\beyetight\b|" + _EYES + r".*(tight|squeez|forc|firm|strong|hard|fest|kräftig|stark|kneif)",
        "EYETIGHT",
    ),
    (r"\bnose\b|\bnasal wrinkl|\bnase\b|naserümpf|naserunz", "NOSE"),
    (r"\bsmil(e|es|ing)\b|lächeln|laecheln|\blachen", "SMILE"),
    (r"\bteeth\b|\bdental show|zähne|zaehne", "TEETH"),
    (r"\bpucker|\bpurs(e|ed|ing)\b|\bwhistl|\bkiss|spitzen|spitzmund|\bpfeif|kussmund", "PUCKER"),
    (
        r"(?=.*(\bcorners?\b|mundwinkel)).*(\bdown|\blower|\bdepress|senk|unten|herab|herunter|runter|abwärts)",
        "CORNERS",
    ),
)
"""English and German words for the poses of the Jena protocol. Case does not matter."""


PERSON = "person"
"""In the place of a rule's name: somebody looked at the photo and said so."""


class PoseRulesError(PermanentError):
    """The site's pose rules cannot be used."""

    code = "poses.rules"


@dataclass(frozen=True)
class PoseRules:
    """How a photo's pose is found.

    ``order`` names the rules, first to last: ``code`` (codes in the acquisition context, then the view),
    ``text`` (image comments, then acquisition context description, series description and protocol name) and
    ``instance_number``. ``codes`` maps ``"SCHEME:VALUE"`` to a pose code; ``patterns`` are pairs of a regular
    expression, searched without regard to case, and a pose code. Raises `PoseRulesError`.
    """

    order: tuple[str, ...] = ("code", "text", "instance_number")
    codes: Mapping[str, str] = field(default_factory=lambda: DEFAULT_CODES)
    patterns: tuple[tuple[str, str], ...] = DEFAULT_PATTERNS

    def __post_init__(self) -> None:
        for name in self.order:
            if name not in _RULES:
                raise PoseRulesError(f"There is no pose rule {name!r}: use {', '.join(_RULES)}.")
        for pattern, _ in self.patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise PoseRulesError(f"The pose pattern {pattern!r} is not valid: {error}.") from error

    @cached_property
    def compiled(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The patterns, ready to search."""
        return tuple((re.compile(pattern, re.IGNORECASE), pose) for pattern, pose in self.patterns)


@dataclass(frozen=True)
class PoseAssignment:
    """The outcome for one recording.

    ``poses`` and ``by`` give each assigned photo's pose code and the rule that found it, by SOP Instance UID.
    ``conflicts`` lists the photos of a pose that has more than one; they are in ``poses`` too. ``missing``
    are the required poses without a photo, ``undecided`` the photos without a pose.
    """

    poses: dict[str, str]
    by: dict[str, str]
    missing: tuple[Pose, ...]
    undecided: tuple[str, ...]
    conflicts: dict[str, tuple[str, ...]]
    protocol: Protocol

    @property
    def complete(self) -> bool:
        """Whether every required pose has exactly one photo and no photo is left over."""
        return not (self.missing or self.undecided or self.conflicts)

    def problem(self) -> str | None:
        """What a person has to do before the recording can be graded; None when nothing."""
        asks = []
        for code, uids in self.conflicts.items():
            asks.append(f"{len(uids)} photos show {self._name(code)}: choose one.")
        if self.undecided:
            one = len(self.undecided) == 1
            asks.append(
                f"{len(self.undecided)} {'photo does' if one else 'photos do'} not say which pose "
                f"{'it shows' if one else 'they show'}: choose {'its pose' if one else 'their poses'}."
            )
        if self.missing:
            names = ", ".join(pose.name for pose in self.missing)
            asks.append(f"No photo shows {names}: send what is missing.")
        return " ".join(asks) or None

    def _name(self, code: str) -> str:
        return self.protocol.by_code[code].name


def assign_poses(
    headers: Sequence[PhotoHeader],
    rules: PoseRules,
    protocol: Protocol,
    settled: Mapping[str, str] | None = None,
) -> PoseAssignment:
    """Find the pose of every photo of a recording. The order of ``headers`` does not matter.

    ``settled`` holds what a person decided, pose codes by SOP Instance UID: no rule changes these. Else the
    first rule of ``rules.order`` that yields a pose decides. A photo whose codes, or whose own comment,
    name two poses stays undecided. The instance number decides only when the photos are one series with
    exactly the protocol's length, are numbered without a gap, and no pose found otherwise contradicts it.
    """
    photos = tuple(sorted(headers, key=lambda photo: (photo.instance_number or 0, photo.sop_instance_uid)))
    case = _Case(photos, rules, protocol)
    poses = dict(settled or {})
    by = dict.fromkeys(poses, PERSON)
    unsettled = [photo for photo in photos if photo.sop_instance_uid not in poses]
    for name in rules.order:
        named = {photo.sop_instance_uid: _RULES[name](case, photo, poses) for photo in unsettled}
        for uid, found in named.items():
            if len(found) == 1:
                poses[uid], by[uid] = next(iter(found)), name
        unsettled = [photo for photo in unsettled if not named[photo.sop_instance_uid]]
    uids = [photo.sop_instance_uid for photo in photos]
    shown = {pose.code: tuple(uid for uid in uids if poses.get(uid) == pose.code) for pose in protocol.poses}
    return PoseAssignment(
        poses=poses,
        by=by,
        missing=tuple(pose for pose in protocol.required if not shown[pose.code]),
        undecided=tuple(uid for uid in uids if uid not in poses),
        conflicts={code: several for code, several in shown.items() if len(several) > 1},
        protocol=protocol,
    )


@dataclass(frozen=True)
class _Case:
    """One recording's photos, by instance number, and what is known of the site.

    Each rule takes a photo and the poses that earlier rules found. It returns the poses that the photo may
    show: none when the rule has nothing to say, several to settle that the photo stays undecided.
    """

    photos: tuple[PhotoHeader, ...]
    rules: PoseRules
    protocol: Protocol

    def by_code(self, photo: PhotoHeader, decided: Mapping[str, str]) -> set[str]:
        codes = (*photo.context_codes, *photo.view_codes, *photo.view_modifier_codes)
        return self._known(self.rules.codes[code] for code in codes if code in self.rules.codes)

    def by_text(self, photo: PhotoHeader, decided: Mapping[str, str]) -> set[str]:
        found = self._poses_in(photo.image_comments) or self._poses_in(photo.context_description)
        for attribute in ("series_description", "protocol_name"):
            text = getattr(photo, attribute)
            named = self._poses_in(text)
            # What all photos say alike, or what lists several poses, describes the series and not the photo.
            alike = len(self.photos) > 1 and all(getattr(other, attribute) == text for other in self.photos)
            if not found and not alike and len(named) == 1:
                found = named
        return found

    def by_instance_number(self, photo: PhotoHeader, decided: Mapping[str, str]) -> set[str]:
        numbers = [other.instance_number for other in self.photos if other.instance_number is not None]
        wanted = len(self.protocol.poses)
        if not len(self.photos) == len(numbers) == wanted:
            return set()
        if numbers != list(range(numbers[0], numbers[0] + wanted)):
            return set()
        if len({other.series_uid for other in self.photos}) > 1:
            return set()
        in_order = [self.protocol.by_number[number].code for number in sorted(self.protocol.by_number)]
        ordered = dict(zip((other.sop_instance_uid for other in self.photos), in_order, strict=True))
        if any(ordered[uid] != pose for uid, pose in decided.items()):
            return set()
        return {ordered[photo.sop_instance_uid]}

    def _poses_in(self, text: str) -> set[str]:
        return self._known(pose for pattern, pose in self.rules.compiled if pattern.search(text))

    def _known(self, codes: Iterable[str]) -> set[str]:
        """Those of ``codes`` that are poses of this protocol."""
        return set(codes) & self.protocol.by_code.keys()


_RULES: dict[str, Callable[[_Case, PhotoHeader, Mapping[str, str]], set[str]]] = {
    "code": _Case.by_code,
    "text": _Case.by_text,
    "instance_number": _Case.by_instance_number,
}
