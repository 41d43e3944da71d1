"""Flags in words, as pages, reports and the command line show them."""

import pytest

from grading.gates import SENTENCES, Flag
from service.reporting import describe_flag


@pytest.mark.parametrize("code", SENTENCES)
def test_every_flag_of_a_photo_is_a_sentence_that_names_the_photo(code: str) -> None:
    told = describe_flag(f"{Flag(code)} (SMILE)")
    assert told == f"{SENTENCES[code]} Photo 6, Smile, closed mouth."


def test_a_wrong_pose_is_told_with_what_is_seen() -> None:
    flag = Flag("pose.wrong", detail="PUCKER")
    assert describe_flag(f"{flag} (SMILE)") == (
        f"{SENTENCES['pose.wrong']} Photo 6, Smile, closed mouth. It looks like: Pursed lips."
    )


@pytest.mark.parametrize("flag", ["side.estimated", "recording.unlike_training", "clipped.M4"])
def test_flags_of_the_model_are_sentences(flag: str) -> None:
    assert describe_flag(flag).endswith(".")
    assert flag not in describe_flag(flag)
