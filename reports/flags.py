"""What the checks of the photos and the scores objected to, in words: one sentence per kind of objection."""

from collections.abc import Iterable, Mapping

from reports.content import RecordingReport, ReportPhoto
from reports.language import Language

_CLIPPED = "clipped."
_WRONG = "pose.wrong"


def flag_sentences(language: Language, report: RecordingReport) -> tuple[str, ...]:
    """The report's flags as sentences; photos with the same flag share one."""
    photos = {photo.pose: photo for photo in report.photos}
    items = clipped_items(report.flags)
    places: dict[str, list[str]] = {}
    for flag in report.flags:
        kind, _, place = flag.partition(" ")
        if kind.startswith(_CLIPPED):
            places[_CLIPPED] = []
            continue
        stem = _WRONG if kind.startswith(f"{_WRONG}.") else kind
        where = _place(language, photos, place.strip("()"), kind.removeprefix(stem).removeprefix("."))
        places.setdefault(stem, []).extend(where)
    return tuple(
        language.text("flag.clipped", items=", ".join(items))
        if kind == _CLIPPED
        else _sentence(language, kind, found)
        for kind, found in places.items()
    )


def clipped_items(flags: Iterable[str]) -> list[str]:
    """Ids of the items of which the model went beyond the range."""
    return [flag.removeprefix(_CLIPPED) for flag in flags if flag.startswith(_CLIPPED)]


def _sentence(language: Language, kind: str, places: list[str]) -> str:
    said = language.known(f"flag.{kind}", language.text("flag.other", flag=kind))
    if not places:
        return said
    return f"{said} {language.counted('flag.photos', len(places), photos=', '.join(places))}"


def _place(language: Language, photos: Mapping[str, ReportPhoto], pose: str, seen: str) -> list[str]:
    """The photo that a flag is about, by its number; with what it seems to show instead."""
    if not pose:
        return []
    photo = str(photos[pose].pose_number) if pose in photos else pose
    if not seen:
        return [photo]
    return [language.text("flag.seen", photo=photo, pose=language.known(f"pose.{seen}", seen))]
