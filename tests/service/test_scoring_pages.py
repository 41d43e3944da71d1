"""Raters are given recordings, score them, and what they gave counts once they have finished."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select

from grading.scales import ScoreError
from service.access.roles import Role
from service.database import transaction
from service.rated import rated
from service.records import annotating, assignments, ratings
from service.records.annotating import ScoreChangedError, ScoreNotTakenError
from service.records.assignments import AssignmentError
from service.records.audit import system
from service.records.models import Annotation, Assignment, AuditEvent, Recording, RecordingState
from tests.service.browsing import Browser, seen
from tests.service.clinic import ARRIVED, JPEG, SURGERY_DAY, Clinic

BY = system("test")
FUTURE = ARRIVED.replace(year=2100)


@pytest.fixture
def recordings(clinic: Clinic, ada: Recording) -> list[int]:
    """Ten recordings whose photos are prepared; Ada's latest is the first."""
    made = [clinic.recording(ada.patient, SURGERY_DAY, RecordingState.DELIVERED) for _ in range(9)]
    for one in made:
        clinic.photos(one)
    clinic.session.commit()
    return [ada.id, *(one.id for one in made)]


@pytest.fixture
def given(engine: Engine, recordings: list[int]) -> Callable[..., list[int]]:
    """Give the recordings to a rater; the numbers of the assignments, in their order."""

    def give(rater: str, *scales: str, blind: bool = False, repeated: float = 0.0) -> list[int]:
        with transaction(engine) as session:
            assignments.give(
                session, BY, [rater], recordings, scales or ["eface"], blind=blind, repeated=repeated
            )
            return [task.assignment.id for task in assignments.tasks_of(session, rater)]

    return give


@pytest.fixture
def score(engine: Engine) -> Callable[..., None]:
    """Give scores of an assignment and finish it."""

    def score(rater: str, assignment: int, finished: bool = True, **scores: float | None) -> None:
        with transaction(engine) as session:
            found = assignments.find(session, rater, assignment, lock=True)
            assert found is not None
            known = annotating.given_scores(session, found)
            for item, value in scores.items():
                annotating.save_score(session, BY, found, item, value, known.get(item))
            if finished:
                assignments.finish(session, BY, found, finished=True)

    return score


def test_blind_work_comes_in_another_order_for_each_rater_with_repeats_that_stand_apart(
    engine: Engine, given: Callable[..., list[int]], recordings: list[int]
) -> None:
    orders = []
    for rater in ("eva", "otto", "ines"):
        given(rater, blind=True, repeated=0.3)
        with transaction(engine) as session:
            tasks = [task.assignment for task in assignments.tasks_of(session, rater)]
        order = [(one.recording_key, one.repeat) for one in tasks]
        repeated = [recording for recording, repeat in order if repeat]
        assert len(order) == 13
        assert len(repeated) == 3
        assert {recording for recording, _ in order} == set(recordings)
        for recording in repeated:
            first, again = order.index((recording, 0)), order.index((recording, 1))
            assert again > first
            assert again - first > assignments.REPEAT_AFTER or again == len(order) - 1 or again > 9
        orders.append(order)
    assert len({str(order) for order in orders}) == 3


def test_what_a_rater_has_already_stays_as_it_is(engine: Engine, given: Callable[..., list[int]]) -> None:
    assert given("eva") == given("eva", "stennert", blind=True)
    with transaction(engine) as session:
        assert {tuple(one.scales) for one in session.scalars(select(Assignment))} == {("eface",)}


def test_nothing_is_given_that_cannot_be_done(engine: Engine, ada: Recording) -> None:
    with transaction(engine) as session:
        assert assignments.scorable(session, None, 10) == [ada.id]
        for raters, numbers, scales, repeated in (
            ([], [ada.id], ["eface"], 0.0),
            (["eva"], [], ["eface"], 0.0),
            (["eva"], [ada.id], ["own"], 0.0),
            (["eva"], [ada.id], [], 0.0),
            (["eva"], [ada.id], ["eface"], 0.1),
        ):
            with pytest.raises(AssignmentError):
                assignments.give(session, BY, raters, numbers, scales, blind=False, repeated=repeated)


def test_a_score_is_taken_corrected_and_taken_back(
    engine: Engine, given: Callable[..., list[int]], score: Callable[..., None]
) -> None:
    first = given("eva", "eface", "stennert")[0]
    score("eva", first, False, R1=80, T1=1)
    score("eva", first, False, R1=90, M1=0)
    score("eva", first, False, T1=None)
    with transaction(engine) as session:
        task = assignments.tasks_of(session, "eva")[0]
        assert annotating.given_scores(session, task.assignment) == {"R1": 90, "M1": 0}
        assert (task.scored, task.wanted) == (2, 26)
        # nothing is left of the other scale: no empty annotation that would count as an opinion
        assert session.scalars(select(Annotation.scale)).all() == ["eface"]
        changes = [row.detail for row in session.scalars(select(AuditEvent).order_by(AuditEvent.id))][1:]
    assert [(one["item"], one.get("value")) for one in changes] == [
        ("R1", 80), ("T1", 1), ("R1", 90), ("M1", 0), ("T1", None),
    ]  # fmt: skip


def test_a_change_that_arrives_late_does_not_undo_a_newer_one(
    engine: Engine, given: Callable[..., list[int]], score: Callable[..., None]
) -> None:
    first = given("eva")[0]
    score("eva", first, False, R1=80)
    with transaction(engine) as session:
        found = assignments.find(session, "eva", first, lock=True)
        assert found is not None
        with pytest.raises(ScoreChangedError) as refused:
            annotating.save_score(session, BY, found, "R1", 60, None)
        assert refused.value.value == 80
        annotating.save_score(session, BY, found, "R1", 80, None)  # the same once more is no change
        annotating.save_score(session, BY, found, "R1", 60, 80)
        assert annotating.given_scores(session, found) == {"R1": 60}


def test_a_score_that_is_not_asked_for_is_refused(engine: Engine, given: Callable[..., list[int]]) -> None:
    first = given("eva")[0]
    with transaction(engine) as session:
        found = assignments.find(session, "eva", first)
        assert found is not None
        for item, value in (("R1", 201), ("M1", -1), ("M1", float("nan")), ("T1", 1), ("X9", 1)):
            with pytest.raises(ScoreNotTakenError):
                annotating.save_score(session, BY, found, item, value, None)


def test_finished_work_is_closed_until_it_is_opened_again(
    engine: Engine, given: Callable[..., list[int]], score: Callable[..., None]
) -> None:
    first = given("eva")[0]
    score("eva", first, R1=80)
    with pytest.raises(ScoreNotTakenError, match="open it again"):
        score("eva", first, R1=70)
    with transaction(engine) as session:
        found = assignments.find(session, "eva", first, lock=True)
        assert found is not None
        assignments.finish(session, BY, found, finished=False)
    score("eva", first, R1=70)


def test_reports_get_finished_scores_once_and_settled_ones_instead_of_the_mean(
    engine: Engine, given: Callable[..., list[int]], score: Callable[..., None], recordings: list[int]
) -> None:
    score("eva", given("eva")[0], R1=80, R2=100)
    score("otto", given("otto")[0], False, R1=30)
    with transaction(engine) as session:
        assert rated(session, recordings[0], FUTURE).items == {"R1": 80, "R2": 100}
    score("otto", given("otto")[0], R2=90)
    with transaction(engine) as session:
        assert rated(session, recordings[0], FUTURE).items == {"R1": 55, "R2": 95}
        recording = session.get_one(Recording, recordings[0])
        with pytest.raises(ScoreError):
            ratings.settle(session, BY, recording, {"R1": 300})
        ratings.settle(session, BY, recording, {"R1": 75, "R2": None})
    with transaction(engine) as session:
        assert rated(session, recordings[0], FUTURE).items == {"R1": 75, "R2": 95}
        (left,) = ratings.to_settle(session, ratings.all_ratings(session))
        assert (left.recording, left.raters, left.differing, left.settled) == (
            recordings[0], ("eva", "otto"), 1, 1,
        )  # fmt: skip


def test_what_a_rater_gave_again_counts_nowhere_but_for_agreement(
    engine: Engine, given: Callable[..., list[int]], score: Callable[..., None]
) -> None:
    numbers = given("eva", blind=True, repeated=1.0)
    with transaction(engine) as session:
        twice = {task.assignment.recording_key: [] for task in assignments.tasks_of(session, "eva")}
        for task in assignments.tasks_of(session, "eva"):
            twice[task.assignment.recording_key].append(task.assignment.id)
    assert len(numbers) == 20
    recording, (first, again) = next(iter(twice.items()))
    score("eva", first, R1=80)
    score("eva", again, R1=60)
    with transaction(engine) as session:
        assert rated(session, recording, FUTURE).items == {"R1": 80}
        assert [one.rater for one in ratings.all_ratings(session)] == ["eva"]
        both = {one.rater: dict(one.scores) for one in ratings.all_ratings(session, again=True)}
    assert both == {"eva": {"R1": 80}, "eva (again)": {"R1": 60}}


@pytest.fixture
def eva(visitor: Browser, engine: Engine) -> Browser:
    visitor.sign_in(engine, "eva", Role.RATER)
    return visitor


def test_a_rater_scores_in_the_browser_and_sees_whose_face_it_is_nowhere(
    eva: Browser, given: Callable[..., list[int]], recordings: list[int]
) -> None:
    first = given("eva", blind=True)[0]
    assert eva.get("/").headers["location"] == "/annotate"
    assert "0 of 10 finished" in seen(eva.get("/annotate"))
    text = seen(eva.get(f"/annotate/{first}"))
    assert "Series 1 of 10" in text
    for told in ("Ada", "PH-1", "2024", "model 70"):
        assert told not in text
    photo = eva.get(f"/annotate/{first}/photos/1")
    assert (photo.content, photo.headers["cache-control"]) == (JPEG, "no-store")
    answer = eva.post(f"/annotate/{first}/scores", item="R1", value="80", was="")
    assert json.loads(answer.text)["scored"] == 1
    assert eva.post(f"/annotate/{first}/scores", item="R1", value="70", was="").status_code == 409
    assert eva.post(f"/annotate/{first}/scores", item="R1", value="x", was="80").status_code == 422
    assert json.loads(eva.get(f"/annotate/{first}/state").text)["scores"] == {"R1": 80}
    following = eva.post(f"/annotate/{first}/finished", finished="yes").headers["location"]
    assert following != f"/annotate/{first}"
    assert "1 of 10 finished" in seen(eva.get("/annotate"))


def test_open_work_shows_the_model_and_finished_raters(
    eva: Browser, given: Callable[..., list[int]], score: Callable[..., None]
) -> None:
    score("otto", given("otto")[0], R1=83)
    score("zoe", given("zoe")[0], False, R1=17)
    text = seen(eva.get(f"/annotate/{given('eva')[0]}"))
    assert "model 70 · otto 83" in text
    assert "zoe" not in text


def test_nobody_opens_the_work_of_another(eva: Browser, given: Callable[..., list[int]]) -> None:
    other = given("otto")[0]
    for path in ("", "/state", "/photos/1"):
        assert eva.get(f"/annotate/{other}{path}").status_code == 404
    assert eva.post(f"/annotate/{other}/scores", item="R1", value="80", was="").status_code == 404
    assert eva.post(f"/annotate/{other}/finished", finished="yes").status_code == 404


def test_a_rater_takes_up_a_recording_unasked(eva: Browser, ada: Recording) -> None:
    page = eva.post("/annotate/open", recording=str(ada.id), scale=["eface", "stennert"], blind="yes")
    assert "Stennert" in seen(eva.get(page.headers["location"]))
    again = eva.post("/annotate/open", recording=str(ada.id), scale=["eface"])
    assert again.headers["location"] == page.headers["location"]
    for refused in (str(ada.id + 100), "x", "9" * 30):
        assert (
            eva.post("/annotate/open", recording=refused, scale=["eface"]).headers["location"] == "/annotate"
        )


def test_clinicians_give_work_and_see_how_far_raters_are_and_agree(
    browser: Browser, engine: Engine, recordings: list[int], score: Callable[..., None]
) -> None:
    assert "No user has the role of a rater yet" in seen(browser.get("/raters"))
    clara = browser.cookies
    for name in ("eva", "otto"):
        browser.sign_in(engine, name, Role.RATER)
    browser.cookies.clear()
    browser.sign_in(engine, "clara2", Role.CLINICIAN)
    assert clara is not None
    numbers = f"{recordings[0]}-{recordings[4]}"
    form = {"rater": ["eva", "otto"], "scale": ["eface", "house-brackmann"], "recordings": numbers}
    assert "10 new assignments" in seen(browser.post("/raters", **form))
    assert "numbers and ranges" in seen(browser.post("/raters", **form | {"recordings": "all"}), 422)
    assert "choose both" in seen(browser.post("/raters", **form | {"repeated": "10"}), 422)
    for name, shift in (("eva", 0), ("otto", 5)):
        with transaction(engine) as session:
            tasks = assignments.tasks_of(session, name)
        for place, task in enumerate(tasks):
            wide = 60 if place == 0 and shift else 0
            score(name, task.assignment.id, R1=60 + 10 * place + shift + wide, HB=1 + place)
    text = seen(browser.get("/raters"))
    assert "eva 5 5 5" in text
    assert "eva, otto 1 0" in text
    text = seen(browser.get("/raters/agreement"))
    assert "HB House-Brackmann grade 5 1.00" in text
    assert "R1 Resting brow height 5" in text
    assert "eva less otto" in seen(browser.get("/raters/agreement/R1"))
    assert browser.get("/raters/agreement/X1").status_code == 404
    path = f"/raters/settle/{tasks[0].assignment.recording_key}"
    assert "far apart" in seen(browser.get(path))
    assert "between 0 and 200" in seen(browser.post(path, **{"score-R1": "201"}), 422)
    assert browser.post(path, **{"score-R1": "75,5"}).headers["location"] == "/raters"
    assert 'value="75.5"' in browser.get(path).text
    assert "eva, otto 1 1" in seen(browser.get("/raters"))
