"""The same pose at two dates: which photos of a patient can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass

from grading.protocols import Pose
from service.reporting import POSES
from service.web.patient_page import PatientPage, Visit

FIRST_POSES = ("SMILE", "REST")
"""What is shown at first: the movement that surgery is most often about, else the rest."""


@dataclass(frozen=True)
class Comparison:
    """Dated recordings with photos, the oldest first; ``photos`` are their numbers by recording and pose."""

    visits: tuple[Visit, ...]
    photos: Mapping[int, Mapping[str, int]]
    poses: tuple[Pose, ...]
    pose: Pose
    before: Visit
    after: Visit


def comparison(page: PatientPage, views: Mapping[int, Mapping[str, int]]) -> Comparison | None:
    """What can be compared, the baseline with the latest at first; None with fewer than two recordings."""
    visits = tuple(visit for visit in page.visits if visit.recording.id in views)
    if len(visits) < 2:
        return None
    shown = {pose for visit in visits for pose in views[visit.recording.id]}
    poses = tuple(sorted((POSES[code] for code in shown if code in POSES), key=lambda pose: pose.number))
    first = next((POSES[code] for code in FIRST_POSES if code in shown), poses[0])
    before = page.baseline if page.baseline in visits[:-1] else visits[0]
    return Comparison(
        visits=visits,
        photos={visit.recording.id: views[visit.recording.id] for visit in visits},
        poses=poses,
        pose=first,
        before=before or visits[0],
        after=visits[-1],
    )
