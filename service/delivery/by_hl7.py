"""Results as HL7 v2 ORU^R01 over MLLP: one message after the other over one connection.

An attempt that ends without an answer is repeated with the same control id (MSH-10) and the same bytes, by
which a receiver knows it again if it has it already.
"""

import time
from collections.abc import Mapping
from functools import partial

from dicom.peers import PeerUnavailableError
from service.delivery.outcomes import NOT_BEGUN, Outcome, Outcomes, Parcel, prepared
from service.hl7.acknowledgement import read_answer
from service.hl7.mllp import MllpPeer, exchange, mllp_connection
from service.hl7.oru import control_id, make_message
from service.peer_settings import Hl7Destination, MessageSettings
from service.peers import client_tls
from service.results import Result
from service.storage import Storage


def send(
    parcels: Mapping[int, Parcel], destination: Hl7Destination, storage: Storage, seconds: float
) -> Outcomes:
    """Send the messages of one destination; none is begun after ``seconds``.

    What follows a message without an answer is not sent: the peer may be at work on that one still.

    Raises:
        PeerUnavailableError: the first message got no answer, or there was no connection at all.
        CertificateError: our files for TLS cannot be used.
    """
    outcomes: dict[int, Outcome] = {}
    messages: dict[int, tuple[str, bytes]] = {}
    for row, parcel in parcels.items():
        control = control_id(parcel.uid, destination.name, parcel.retries)
        accept = destination.accept_acknowledgement
        made = prepared(partial(message_of, parcel, destination.message, storage, control, accept=accept))
        if isinstance(made, Outcome):
            outcomes[row] = made
        else:
            messages[row] = (control, made)
    if messages:
        outcomes |= _exchange_all(messages, destination, time.monotonic() + seconds)
    return outcomes


def message_of(
    parcel: Parcel, settings: MessageSettings, storage: Storage, control: str, *, accept: bool = False
) -> bytes:
    """The message of a parcel. Raises `CharacterSetError`."""
    result = Result.from_json(parcel.content.read_bytes())
    pdf = storage.read(result.pdf_key) if "pdf" in settings.parts else None
    return make_message(result, pdf, settings, control, accept=accept)


def check(destination: Hl7Destination) -> None:
    """Whether something listens there; nothing is sent. Raises as `send` does."""
    with mllp_connection(_peer(destination), 10.0):
        pass


def _exchange_all(
    messages: Mapping[int, tuple[str, bytes]], destination: Hl7Destination, until: float
) -> Outcomes:
    outcomes: dict[int, Outcome] = {}
    with mllp_connection(_peer(destination), destination.answer_seconds) as connection:
        for row, (control, message) in messages.items():
            if time.monotonic() > until:
                break
            try:
                outcomes[row] = read_answer(exchange(connection, message), control)
            except PeerUnavailableError as error:
                if not outcomes:
                    raise
                outcomes[row] = Outcome(ok=False, words=str(error), transient=True)
                break
    left = [row for row in messages if row not in outcomes]
    return outcomes | dict.fromkeys(left, NOT_BEGUN)


def _peer(destination: Hl7Destination) -> MllpPeer:
    return MllpPeer(destination.host, destination.port, client_tls(destination.tls))
