"""Which results go to which destination."""

import pytest

from service.delivery.sending import wants
from service.peer_settings import FolderDestination
from service.records.models import Patient, Recording


def destination(**only: object) -> FolderDestination:
    return FolderDestination.model_validate(
        {"kind": "folder", "name": "share", "path": "/mnt", "documents": ["pdf", "oru"], "only": only}
    )


RECORDING = Recording(
    protocol="jena9", days_from_surgery=30, patient=Patient(patient_id="FP-1", issuer="CLINIC")
)


def test_a_destination_gets_the_documents_that_it_asks_for() -> None:
    assert wants(destination(), "pdf", RECORDING)
    assert not wants(destination(), "sr", RECORDING)


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        ({"issuers": ["CLINIC", "OTHER"]}, True),
        ({"issuers": ["OTHER"]}, False),
        ({"protocols": ["jena9"]}, True),
        ({"protocols": ["other"]}, False),
        ({"days_from_surgery": [30, 400]}, True),
        ({"days_from_surgery": [31, 400]}, False),
    ],
)
def test_what_a_destination_does_not_want_is_held_back(only: dict[str, object], wanted: bool) -> None:
    assert wants(destination(**only), "pdf", RECORDING) is wanted


def test_without_a_surgery_there_are_no_days_from_it() -> None:
    assert not wants(destination(days_from_surgery=[-9999, 9999]), "pdf", Recording(protocol="jena9"))
