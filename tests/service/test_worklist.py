"""The worklist: recordings by state, patients by date, and the word by which it follows the work."""

import datetime as dt

import pytest

from service.records.models import RecordingState
from service.records.searching import written_day
from tests.service.browsing import Browser, seen
from tests.service.clinic import SURGERY_DAY, Clinic


def test_recordings_of_a_state_are_listed_with_what_holds_them_the_newest_first(
    browser: Browser, clinic: Clinic
) -> None:
    patient = clinic.patient("Phantom^Ada", "PH-1")
    held = [
        clinic.recording(patient, SURGERY_DAY, RecordingState.NEEDS_ATTENTION, f"Reason {number}.", "c")
        for number in range(2)
    ]
    held[1].state_changed_at += dt.timedelta(minutes=1)
    clinic.recording(patient, SURGERY_DAY, RecordingState.PREPARED)
    clinic.session.commit()
    text = seen(browser.get("/states/needs_attention"))
    assert "needs attention 2" in text
    assert text.index("Reason 1.") < text.index("Reason 0.")
    assert "photos prepared 1" in text
    assert "No recording is in this state." in seen(browser.get("/states/graded"))
    assert browser.get("/states/nonsense").status_code == 404


@pytest.mark.parametrize("day", ["1971-05-04", "4.5.1971", "2024-03-12", "12.03.2024", "2024-09-12"])
def test_patients_are_found_by_a_day_of_birth_surgery_or_photos(
    browser: Browser, clinic: Clinic, ada: object, day: str
) -> None:
    other = clinic.patient("Phantom^Boris", "PH-2")
    other.birth_date = None
    clinic.session.commit()
    text = seen(browser.get(browser.post("/search", search=day).headers["location"]))
    assert "Phantom, Ada" in text
    assert "Phantom, Boris" not in text


@pytest.mark.parametrize("word", ["2024-13-01", "31.2.2024", "2024", "٢٠٢٤-٠١-٠٥x"])
def test_what_is_no_day_is_looked_for_as_a_word(word: str) -> None:
    assert written_day(word) is None


def test_the_word_of_the_list_changes_with_the_work_and_tells_nothing(
    browser: Browser, clinic: Clinic
) -> None:
    patient = clinic.patient("Phantom^Ada", "PH-1")
    recording = clinic.recording(patient, SURGERY_DAY, RecordingState.COMPLETE)
    clinic.session.commit()
    word = browser.get("/worklist/version").text
    assert f'data-version="{word}"' in browser.get("/").text
    assert browser.get("/worklist/version").text == word
    recording.state, recording.state_changed_at = RecordingState.PREPARED, dt.datetime.now(dt.UTC)
    clinic.session.commit()
    assert browser.get("/worklist/version").text != word
