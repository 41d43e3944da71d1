"""docs/hl7.md and docs/delivery.md name what the code does."""

from pathlib import Path

import pytest

from service.delivery.to_folder import SUFFIXES
from service.hl7 import problems
from service.hl7.feed import supported
from service.hl7.problems import Condition
from service.listener_settings import ListenerSettings
from service.peer_settings import PEER_KINDS
from service.records.models import DeliveryState

DELIVERY = (Path(__file__).parent.parent.parent / "docs" / "delivery.md").read_text()
PAGE = (Path(__file__).parent.parent.parent / "docs" / "hl7.md").read_text()
CONDITIONS = [value for value in vars(problems).values() if isinstance(value, Condition)]


@pytest.mark.parametrize("trigger", supported(ListenerSettings()))
def test_every_trigger_that_is_used_stands_on_the_page(trigger: str) -> None:
    assert trigger in PAGE


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda one: one.code)
def test_every_error_condition_stands_on_the_page(condition: Condition) -> None:
    assert f", {condition.code}" in PAGE


@pytest.mark.parametrize("name", [*DeliveryState, *PEER_KINDS, *SUFFIXES])
def test_every_state_kind_of_destination_and_document_stands_on_the_page(name: str) -> None:
    assert f"`{name}`" in DELIVERY
