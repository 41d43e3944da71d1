"""The maps that a report shows: those of the items that deviate most, all on one scale of colours."""

import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grading.explanation import sums
from grading.face import Photo
from grading.overlay import LOWERS, RAISES, density, paint, scale_end
from grading.scales import find_item
from reports.content import ReportMap, ReportMaps
from service.kept_maps import KeptMap, deviating_items, kept_maps
from service.records.gradings import scores_of
from service.records.models import Grading
from service.storage import Storage

MOST = 4
SIDE = 384
"""Pixels of a map: some 250 per inch on paper."""


def shown_maps(storage: Storage, grading: Grading) -> list[KeptMap] | None:
    """The maps of the items that deviate most; None where some do but none was kept."""
    items = deviating_items(scores_of(grading), MOST)
    shown = kept_maps(storage, grading, items)
    return shown if shown or not items else None


def report_maps(shown: Sequence[KeptMap] | None) -> ReportMaps:
    """What a report shows of `shown_maps`; the pictures are painted here."""
    if shown is None:
        return ReportMaps(kept=False)
    densities = [density(one.found, one.placement) for one in shown]
    end = max(map(scale_end, densities), default=1.0)
    return ReportMaps(
        maps=tuple(
            _map(one, paint(_smaller(one.view), _smaller(values), end))
            for one, values in zip(shown, densities, strict=True)
        ),
        end=end,
        raises=RAISES,
        lowers=LOWERS,
        balanced=all(one.found.balanced for one in shown),
    )


def _smaller(plane: NDArray[Any]) -> NDArray[Any]:
    """A view or its values at the size of a map: painting is quicker there."""
    return np.asarray(cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _map(one: KeptMap, picture: Photo) -> ReportMap:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    item = find_item(one.found.item)
    halves = [sums(part) for part in one.found.parts]
    two = all(len(added) == 2 for added in halves)
    return ReportMap(
        item=item.id,
        jpeg=buffer.getvalue(),
        start=one.found.start,
        total=one.found.score,
        halves=(sum(added[0] for added in halves), sum(added[1] for added in halves)) if two else None,
    )
