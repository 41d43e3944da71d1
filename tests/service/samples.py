"""Photo series for the tests of the service, small and made without a face."""

import hashlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom import Dataset
from sqlalchemy import Engine

from dicom.building import to_bytes
from dicom.header_reading import read_header
from dicom.intake import ReceivedObject
from dicom.uids import derived_uid
from grading.grader import Grading
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS, sub_scores
from service.database import transaction
from service.series import close_if_full, pose_rules
from service.settings import Settings
from tests.dicom.samples import photo

_numbers = itertools.count()


def series(name: str = "one", **overrides: Any) -> list[Dataset]:
    """Nine photo objects of one series."""
    return [
        photo(
            pose,
            **{
                "study_uid": derived_uid("study", name),
                "series_uid": derived_uid("series", name),
                "sop_instance_uid": derived_uid("photo", name, pose.code),
            }
            | overrides,
        )
        for pose in JENA9.poses
    ]


def received(dataset: Dataset, spool: Path) -> ReceivedObject:
    """The object as the receiver hands it over: a file in the spool."""
    spool.mkdir(parents=True, exist_ok=True)
    path = spool / f"{next(_numbers)}.part"
    content = to_bytes(dataset)
    path.write_bytes(content)
    return ReceivedObject(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        header=read_header(path),
        calling_ae="CAMERA",
        peer_address="127.0.0.1",
        received_at=datetime.now(UTC),
    )


def result(score: float, side: str | None = "R", flags: tuple[str, ...] = ()) -> Grading:
    """What a bundle might say of a recording: every item ``score``, within 20 points of it."""
    scores = {item.id: score for item in PREDICTED_ITEMS}
    within = {item.id: (max(score - 20, item.low), min(score + 20, item.high)) for item in PREDICTED_ITEMS}
    return Grading(
        scores=scores,
        intervals=within,
        sub_scores=sub_scores(scores),
        sub_intervals={"static": (score - 9, score + 9)},
        side=side,
        novelty=0.75,
        flags=flags,
        bundle_name="test",
        bundle_version="1",
        bundle_hash="0" * 64,
    )


def closing(engine: Engine, closed: list[int]) -> Callable[[int], None]:
    """What an intake tells of a full series: a worker that looks at it at once, and notes what it closed."""

    def close(recording: int) -> None:
        with transaction(engine) as session:
            if close_if_full(session, recording, pose_rules(Settings())):
                closed.append(recording)

    return close
