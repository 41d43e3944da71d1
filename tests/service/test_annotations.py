"""The database takes an annotation's scores only where its scale and their items allow them."""

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from grading.scales import SCALES
from service.records.models import Annotation, AnnotationScore, Rater
from tests.service.people import person


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def annotation(session: Session, scale: str, scores: dict[str, float]) -> Annotation:
    recording = person(session, "P", [dt.date(2024, 1, 1)]).recordings[0]
    made = Annotation(
        recording=recording,
        rater=Rater(name="first"),
        scale=scale,
        scores=[AnnotationScore(scale=scale, item=item, value=value) for item, value in scores.items()],
    )
    session.add(made)
    session.flush()
    return made


@pytest.mark.parametrize("scale", SCALES)
def test_every_score_that_a_scale_takes_is_kept(session: Session, scale: str) -> None:
    items = SCALES[scale].items
    made = annotation(session, scale, {item.id: (item.answers or (item.high,))[-1] for item in items})
    assert len(made.scores) == len(items)


@pytest.mark.parametrize(
    ("scale", "item", "value"),
    [
        ("eface", "M1", 100.5), ("eface", "R1", -1), ("eface", "M1", float("nan")), ("eface", "HB", 2),
        ("house-brackmann", "HB", 2.5), ("house-brackmann", "HB", 7), ("own", "R1", 5),
    ],
)  # fmt: skip
def test_a_score_that_the_scale_does_not_take_is_refused(
    session: Session, scale: str, item: str, value: float
) -> None:
    with pytest.raises(IntegrityError):
        annotation(session, scale, {item: value})


def test_a_score_is_of_its_annotations_scale(session: Session) -> None:
    made = annotation(session, "eface", {"R1": 80})
    session.add(AnnotationScore(annotation_key=made.id, scale="house-brackmann", item="HB", value=2))
    with pytest.raises(IntegrityError):
        session.flush()


def test_a_rater_annotates_a_recording_on_a_scale_once(session: Session) -> None:
    made = annotation(session, "eface", {"R1": 80})
    session.add(Annotation(recording=made.recording, rater=made.rater, scale="house-brackmann"))
    session.flush()
    session.add(Annotation(recording=made.recording, rater=made.rater, scale="eface"))
    with pytest.raises(IntegrityError):
        session.flush()
