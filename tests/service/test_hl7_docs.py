"""docs/hl7.md names what the code does."""

from pathlib import Path

import pytest

from service.hl7 import problems
from service.hl7.feed import supported
from service.hl7.problems import Condition
from service.listener_settings import ListenerSettings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "hl7.md").read_text()
CONDITIONS = [value for value in vars(problems).values() if isinstance(value, Condition)]


@pytest.mark.parametrize("trigger", supported(ListenerSettings()))
def test_every_trigger_that_is_used_stands_on_the_page(trigger: str) -> None:
    assert trigger in PAGE


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda one: one.code)
def test_every_error_condition_stands_on_the_page(condition: Condition) -> None:
    assert f", {condition.code}" in PAGE
