"""A patient's page: surgeries and events with undo, the baseline, what raters gave, the table, two dates."""

import csv
import datetime as dt
import html
import io
import re

from sqlalchemy import select

from service.records.models import Annotation, AnnotationScore, Event, Rater, Recording, Surgery
from tests.service.browsing import Browser, seen
from tests.service.clinic import SURGERY_DAY, Clinic


def stamp(browser: Browser, action: str) -> str:
    """What the form with this action says that its reader saw."""
    page = browser.get(action.rsplit("/", 2)[0]).text
    found = re.search(rf'action="{action}".*?name="seen" value="(\w+)"', page, re.DOTALL)
    assert found is not None
    return found[1]


def undo(browser: Browser, patient: str) -> str:
    found = re.search(r'action="([^"]+/undo)"', browser.get(patient).text)
    assert found is not None
    return found[1]


def test_a_surgery_is_added_corrected_deleted_and_each_is_undone(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    patient = f"/patients/{ada.patient_key}"
    said = {"day": "2025-02-03", "procedure": "Lid weight", "side": "L", "surgeon": "", "note": ""}
    answer = browser.post(f"{patient}/surgeries", **said)
    assert answer.headers["location"] == f"{patient}#timeline"
    assert "2025-02-03 Lid weight, left side" in seen(browser.get(patient))
    number = clinic.session.scalar(select(Surgery.id).where(Surgery.procedure == "Lid weight"))
    action = f"{patient}/surgeries/{number}"
    browser.post(action, do="correct", seen=stamp(browser, action), **said | {"side": "R"})
    assert "Lid weight, right side" in seen(browser.get(patient))
    browser.post(undo(browser, patient))
    assert "Lid weight, left side" in seen(browser.get(patient))
    browser.post(action, do="delete", seen=stamp(browser, action), **said)
    assert "2025-02-03 Lid weight, left side" not in seen(browser.get(patient))
    browser.post(undo(browser, patient))
    assert "2025-02-03 Lid weight, left side" in seen(browser.get(patient))


def test_an_event_is_added_corrected_deleted_and_each_is_undone(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    patient = f"/patients/{ada.patient_key}"
    said = {"day": "2025-02-03", "kind": "botulinum toxin", "side": "", "note": "20 units"}
    browser.post(f"{patient}/events", **said)
    number = clinic.session.scalar(select(Event.id))
    action = f"{patient}/events/{number}"
    browser.post(action, do="correct", seen=stamp(browser, action), **said | {"note": "25 units"})
    assert "25 units" in seen(browser.get(patient))
    browser.post(undo(browser, patient))
    assert "20 units" in seen(browser.get(patient))
    browser.post(action, do="delete", seen=stamp(browser, action))
    browser.post(undo(browser, patient))
    assert seen(browser.get(patient)).count("20 units") > 0


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    patient = f"/patients/{ada.patient_key}"
    number = clinic.session.scalar(select(Surgery.id))
    said = {"day": f"{SURGERY_DAY}", "procedure": "Graft", "side": "L"}
    refused = browser.post(f"{patient}/surgeries/{number}", do="correct", seen="old", **said)
    assert "somebody else changed it meanwhile" in seen(refused, 409)
    assert "Graft" not in seen(browser.get(patient))


def test_forms_that_make_no_sense_say_what_to_give(browser: Browser, ada: Recording) -> None:
    patient = f"/patients/{ada.patient_key}"
    answer = browser.post(f"{patient}/surgeries", day="soon", procedure="Graft", side="L")
    assert "give the day as year, month and day" in seen(answer, 409)
    assert "name the procedure" in seen(
        browser.post(f"{patient}/surgeries", day="2025-01-01", procedure=" ", side="L"), 409
    )
    answer = browser.post(f"{patient}/events", day="2025-01-01", kind="party", side="")
    assert "what kind of event" in seen(answer, 409)


def test_changes_are_counted_from_the_last_recording_before_surgery_or_the_chosen_one(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    bundle = ada.gradings[0].bundle
    between = clinic.recording(ada.patient, SURGERY_DAY + dt.timedelta(days=90), ada.state)
    clinic.grade(between, bundle, 55)
    clinic.session.commit()
    patient = f"/patients/{ada.patient_key}"
    text = seen(browser.get(patient))
    assert "Change from 2024-03-03" in text
    assert "Static, folded 40 70 +30 25 improved" in text
    text = seen(browser.get(f"{patient}?baseline={between.id}"))
    assert "Change from 2024-06-10" in text
    assert "Static, folded 55 70 +15 25 within measurement error" in text


def test_points_name_raters_and_the_table_has_models_and_raters(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    clinic.session.add(
        Annotation(
            recording_key=ada.id,
            rater=Rater(name="Dr. Jump"),
            scale="eface",
            rated_at=dt.datetime(2026, 1, 8, tzinfo=dt.UTC),
            scores=[AnnotationScore(item="R1", value=81)],
        )
    )
    clinic.session.commit()
    patient = f"/patients/{ada.patient_key}"
    page = browser.get(patient)
    assert "given by raters: Dr. Jump" in seen(page)
    assert "R1 81, by Dr. Jump" in html.unescape(page.text)
    answer = browser.get(f"{patient}/history.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["given_by"] for row in rows if row["rated"] == "1"] == ["Dr. Jump"]
    static = [row for row in rows if row["score"] == "static" and row["recording"] == str(ada.id)]
    assert [(row["value"], row["low"], row["high"]) for row in static] == [("70.0", "61.0", "79.0")]
    assert "Phantom" not in answer.text


def test_the_same_pose_stands_at_two_dates(browser: Browser, clinic: Clinic, ada: Recording) -> None:
    patient = f"/patients/{ada.patient_key}"
    assert "The same pose at two dates" not in seen(browser.get(patient))
    first = clinic.session.scalars(select(Recording).where(Recording.id != ada.id)).one()
    clinic.photos(first)
    clinic.session.commit()
    page = browser.get(patient).text
    shown = re.findall(r'data-shows="\w+" src="/recordings/(\d+)/photos/(\d+)"', page)
    assert [int(recording) for recording, _ in shown] == [first.id, ada.id]
    clinic.session.refresh(first, ["photos"])
    smile = next(photo.id for photo in first.photos if photo.pose == "SMILE")
    assert int(shown[0][1]) == smile
