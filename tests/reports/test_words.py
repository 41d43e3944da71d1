"""Names, dates and distances in words, and texts that must fit."""

from datetime import date

import pytest

from reports import words
from reports.fonts import REGULAR, printable, width
from reports.language import load_language
from reports.sheet import clip, wrap

ENGLISH, GERMAN = load_language("en"), load_language("de")


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^Ann^Dr^MD", "Doe, Jane Ann, Dr, MD"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou"),
        ("=山田^太郎", "山田, 太郎"),
        ("^Jane", "Jane"),
        ("Doe", "Doe"),
        ("^^^^", ""),
        ("", ""),
    ],
)
def test_a_dicom_name_is_written_for_reading(name: str, read: str) -> None:
    assert words.person_name(name) == read


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "day of surgery"),
        (1, "1 day after surgery"),
        (-3, "3 days before surgery"),
        (365, "365 days (12.0 months) after surgery"),
    ],
)
def test_a_distance_from_surgery_says_its_direction(days: int, said: str) -> None:
    assert words.days_apart(ENGLISH, days) == said


def test_german_writes_dates_and_numbers_its_own_way() -> None:
    assert words.days_apart(GERMAN, 188) == "188 Tage (6,2 Monate) nach Operation"
    assert GERMAN.day(date(2024, 4, 1)) == "01.04.2024"


@pytest.mark.parametrize(
    ("name", "read"), [("pre-op", "präoperativ"), ("6 months", "6 Monate"), ("Woche 2", "Woche 2")]
)
def test_timepoints_are_translated_and_a_sites_own_stay(name: str, read: str) -> None:
    assert words.timepoint(GERMAN, name) == read


def test_a_birthday_counts_from_its_day_on() -> None:
    born = date(1960, 2, 29)
    assert words.age(born, date(2024, 2, 28)) == 63
    assert words.age(born, date(2024, 2, 29)) == 64


def test_wrapped_lines_fit_and_lose_nothing() -> None:
    text = "Fissure narrowing Donaudampfschifffahrtsgesellschaftskapitän gentle closure"
    lines = wrap(text, REGULAR, 8, 60)
    assert all(width(line, REGULAR, 8) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_clipped_text_shows_that_something_is_missing() -> None:
    assert clip(["one", "two"], 2) == ["one", "two"]
    assert clip(["one", "two", "three"], 2)[-1].endswith("…")


def test_control_and_direction_characters_do_not_reach_the_page() -> None:
    assert printable("a\u202eb\x00c\n\td\u200b") == "ab c d"
