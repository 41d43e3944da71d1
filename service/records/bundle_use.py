"""How much each bundle has graded, and how much of that counts."""

from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from service.records.models import Bundle, Grading


@dataclass(frozen=True)
class Use:
    """How many gradings of a bundle there are, and how many of them count for their recording."""

    gradings: int = 0
    counting: int = 0


def use_of_bundles(session: Session) -> dict[int, Use]:
    """By the number of each bundle that has graded something."""
    rows = session.execute(
        select(Grading.bundle_key, func.count(), func.count().filter(Grading.active)).group_by(
            Grading.bundle_key
        )
    )
    return {bundle: Use(gradings, counting) for bundle, gradings, counting in rows}


def not_graded_by(session: Session, bundle_id: int) -> int:
    """How many graded recordings a bundle has not graded."""
    by_it = aliased(Grading)
    known = exists().where(by_it.recording_key == Grading.recording_key, by_it.bundle_key == bundle_id)
    wanted = select(func.count(Grading.recording_key.distinct())).where(Grading.active, ~known)
    return session.scalar(wanted) or 0


def adoptable(session: Session, bundle_id: int) -> list[tuple[Bundle, int]]:
    """In how many recordings that the bundle has graded too another one counts, by that one, most first."""
    by_it = aliased(Grading)
    known = exists().where(by_it.recording_key == Grading.recording_key, by_it.bundle_key == bundle_id)
    many = func.count().label("recordings")
    query = (
        select(Bundle, many)
        .join(Grading, Grading.bundle_key == Bundle.id)
        .where(Grading.active, Grading.bundle_key != bundle_id, known)
        .group_by(Bundle.id)
        .order_by(many.desc(), Bundle.id)
    )
    return [(bundle, recordings) for bundle, recordings in session.execute(query)]
