"""Results as FHIR R4 transactions, each in a request of its own over one connection."""

import time
from collections.abc import Mapping
from functools import partial

import requests

from dicom.peers import unreachable
from service.delivery.fhir_transaction import transaction_of
from service.delivery.outcomes import NOT_BEGUN, Outcome, Outcomes, Parcel, prepared
from service.fhir.client import LATER, WORDS_KEPT, fhir_session, words
from service.peer_settings import FhirDestination
from service.storage import Storage

TIMEOUT = 60.0
"""Seconds for the connection and for the answer, in which a server stores a PDF."""
FAULT, CONFLICT = 500, 409
"""A server that stumbles over one transaction may be well otherwise; 502 to 504 say that it is not."""


def send(
    parcels: Mapping[int, Parcel], destination: FhirDestination, storage: Storage, seconds: float
) -> Outcomes:
    """Send the transactions of one destination; none is begun after ``seconds``.

    Raises:
        PeerUnavailableError: the server cannot be reached.
    """
    outcomes: dict[int, Outcome] = {}
    until = time.monotonic() + seconds
    with fhir_session(destination) as session:
        for row, parcel in parcels.items():
            if time.monotonic() > until:
                outcomes[row] = NOT_BEGUN
                continue
            create = destination.create_patients
            bundle = prepared(partial(transaction_of, parcel, destination, storage, create_patients=create))
            if isinstance(bundle, Outcome):
                outcomes[row] = bundle
                continue
            try:
                answer = session.post(destination.url, data=bundle, timeout=TIMEOUT)
            except requests.RequestException as error:
                if not any(outcome.reached for outcome in outcomes.values()):
                    raise unreachable(destination.url, error) from None
                outcomes[row] = Outcome(ok=False, words="the connection broke", transient=True)
                left = [one for one in parcels if one not in outcomes]
                return outcomes | dict.fromkeys(left, NOT_BEGUN)
            outcomes[row] = _outcome(answer)
    return outcomes


def _outcome(answer: requests.Response) -> Outcome:
    status = answer.status_code
    if status >= 500 or status in LATER:
        there = status in (FAULT, CONFLICT)
        return Outcome(ok=False, words=words(answer), transient=True, answered=there, limited=status == FAULT)
    if not answer.ok:
        return Outcome(ok=False, words=words(answer))
    try:
        statuses = [str(entry["response"]["status"]) for entry in answer.json()["entry"]]
    except (ValueError, KeyError, TypeError):
        return Outcome(ok=False, words="the server's answer to the transaction is none", transient=True)
    if all(each.startswith("2") for each in statuses):
        made = sum(each.startswith("201") for each in statuses)
        return Outcome(ok=True, words=f"taken, {made} of {len(statuses)} resources new")
    wrong = next(each for each in statuses if not each.startswith("2"))
    return Outcome(ok=False, words=f"an entry of the transaction was answered {wrong[:WORDS_KEPT]}")
