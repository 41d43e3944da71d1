"""Lines with Arabic and Hebrew in the order and the forms in which they stand on paper."""

import pytest

from reports.fonts import PLACEHOLDER, REGULAR, printable, runs, width
from reports.right_to_left import in_order
from reports.sheet import clip, wrap


@pytest.mark.parametrize(
    ("line", "stands"),
    [
        ("Doe, Jane (2)", "Doe, Jane (2)"),
        ("גולדברג, משה", "השמ ,גרבדלוג"),
        ("ID 7 · משה (3)", "ID 7 · (3) השמ"),
        ("משה (אב)", "(בא) השמ"),
        ("משה, Dr", "Dr ,השמ"),
        ("חדר 12-3", "12-3 רדח"),
        # Joined letters: a form each for beginning, middle and end; lam with alef is one character.
        ("محمد", "\ufeaa\ufee4\ufea4\ufee3"),
        ("لا", "\ufefb"),
        # The non-joiner keeps the two names within a Persian name apart.
        ("علی‌رضا", "ﺎﺿرﯽﻠﻋ"),
    ],
)
def test_a_line_stands_as_it_is_read(line: str, stands: str) -> None:
    assert in_order(line) == stands


def test_vowel_points_are_left_out_and_scripts_that_cannot_be_set_are_replaced() -> None:
    assert printable("שָׁלוֹם") == "שלום"
    assert printable("مُحَمَّد") == "محمد"
    assert printable("ܐܠ") == 2 * PLACEHOLDER


def test_joined_letters_are_measured_as_they_are_printed() -> None:
    ((font, piece),) = runs("محمد", REGULAR)
    assert (font, piece) == (REGULAR, "\ufeaa\ufee4\ufea4\ufee3")
    assert 0 < width("محمد", REGULAR, 10) < sum(width(one, REGULAR, 10) for one in "محمد")


def test_a_long_name_breaks_at_its_end_and_not_at_its_beginning() -> None:
    lines = clip(wrap("אחת שתיים שלוש ארבע", REGULAR, 10, 50), 1)
    assert lines[0].startswith("אחת")
    assert in_order(lines[0]).endswith("תחא")
