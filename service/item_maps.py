"""Pictures on disk of what made each score, and the same as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from grading.contributions import Contributions, contributions
from grading.explanation import explain, main_photo, sums
from grading.face import Photo
from grading.framing import view
from grading.grader import Grader, Grading
from grading.overlay import Placement
from grading.preparing import PreparedPhoto
from reports.language import load_language


@dataclass(frozen=True)
class ItemMap:
    """The picture of one item and the parts that it shows."""

    file: Path
    found: Contributions

    def to_json(self) -> dict[str, Any]:
        """The item, its picture, and what each photo's maps add, in points, as JSON types.

        ``sums`` are those of the person's right and left half, or one of the whole face; ``start`` and all of
        them add up to ``score``, which is not cut to the item's range.
        """
        return {
            "item": self.found.item,
            "file": str(self.file),
            "start": self.found.start,
            "from_balanced_faces": self.found.balanced,
            "score": self.found.score,
            "parts": [
                {"photo": part.pose, "source": part.source, "sums": list(sums(part))}
                for part in self.found.parts
            ],
        }


def write_maps(
    folder: Path,
    grader: Grader,
    grading: Grading,
    photos: Mapping[str, Photo],
    prepared: Mapping[str, PreparedPhoto],
) -> tuple[ItemMap, ...]:
    """Write ``<item>.png`` per item into a folder, which is made if need be.

    ``photos`` and ``prepared`` are those that were graded, by pose code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    maps = grader.maps([{pose: photo.crop for pose, photo in prepared.items()}])
    notice = load_language("en").text("banner.commissioning") if grader.bundle.commissioning else ""
    written = []
    for found in contributions(grader.bundle, maps, grading.side):
        pose = main_photo(found)
        photo = prepared[pose]
        placement = Placement(grader.bundle.preprocessing.frame, photo.face, photo.eyes)
        picture = explain(found, view(photos[pose], photo.eyes), placement, grading.side, notice)
        file = folder / f"{found.item}.png"
        Image.fromarray(picture).save(file)
        written.append(ItemMap(file, found))
    return tuple(written)
