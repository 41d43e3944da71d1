"""What clinicians gave a recording as its report takes it."""

import datetime as dt

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.rated import Rated, rated
from service.records.models import Annotation, AnnotationScore, Rater
from tests.service.people import person

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SUNNYBROOK = {"SBR1": 1, "SBR2": 0, "SBR3": 0, **{f"SBV{n}": 5 for n in range(1, 6)}}


@pytest.fixture
def recording(engine: Engine) -> int:
    with Session(engine) as session, session.begin():
        return person(session, "P1", [dt.date(2026, 4, 1)]).recordings[0].id


def annotate(
    engine: Engine, recording: int, name: str, scale: str, scores: dict[str, float], at: dt.datetime = NOW
) -> None:
    with Session(engine) as session, session.begin():
        rows = [AnnotationScore(scale=scale, item=item, value=value) for item, value in scores.items()]
        session.add(
            Annotation(recording_key=recording, rater=Rater(name=name), scale=scale, rated_at=at, scores=rows)
        )


def told(engine: Engine, recording: int, until: dt.datetime = NOW) -> Rated:
    with Session(engine) as session:
        return rated(session, recording, until)


def test_of_several_raters_the_mean_counts_and_all_are_named(engine: Engine, recording: int) -> None:
    annotate(engine, recording, "Dr A", "eface", {"R1": 80, "S1": 60})
    annotate(engine, recording, "Dr B", "eface", {"R1": 90})
    found = told(engine, recording)
    assert found.items == {"R1": 85, "S1": 60}
    assert found.raters == ("Dr A", "Dr B")
    assert found.others == ()


def test_what_was_given_after_the_document_is_not_in_it(engine: Engine, recording: int) -> None:
    annotate(engine, recording, "Dr A", "eface", {"R1": 80}, NOW + DAY)
    assert told(engine, recording).items == {}
    assert told(engine, recording, NOW + DAY).items == {"R1": 80}


def test_other_scales_are_summed_up_where_they_are_complete(engine: Engine, recording: int) -> None:
    synkinesis = {f"SBS{n}": 0 for n in range(1, 6)}
    annotate(engine, recording, "Dr A", "house-brackmann", {"HB": 3})
    annotate(engine, recording, "Dr B", "sunnybrook", SUNNYBROOK | synkinesis)
    annotate(engine, recording, "Dr C", "sunnybrook", SUNNYBROOK)
    values = {one.rater: (one.scale, one.value) for one in told(engine, recording).others}
    assert values["Dr A"] == ("house-brackmann", 3)
    assert values["Dr B"] == ("sunnybrook", 95)
    assert values["Dr C"] == ("sunnybrook", None)
