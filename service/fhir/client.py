"""A FHIR R4 server as a client sees it: one session, and its faults in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from dicom.peers import PeerUnavailableError, RejectedError, unreachable
from service.peer_settings import FhirAddress

MEDIA_TYPE = "application/fhir+json"
LATER = {408, 409, 425, 429}
"""Statuses after which the same request may succeed; 409 where two make the same thing at once."""
WORDS_KEPT = 500


@contextmanager
def fhir_session(server: FhirAddress) -> Iterator[requests.Session]:
    """A session that signs in as the settings say, for the time of the ``with`` block."""
    with requests.Session() as session:
        session.headers.update({"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE})
        if server.user:
            session.auth = (server.user, server.password.get_secret_value())
        elif server.token.get_secret_value():
            session.headers["Authorization"] = f"Bearer {server.token.get_secret_value()}"
        # Else requests would take a proxy and passwords from the machine's environment.
        session.trust_env = False
        if server.tls is not None:
            session.verify = str(server.tls.authorities) if server.tls.authorities else True
            if server.tls.certificate is not None:
                session.cert = (str(server.tls.certificate), str(server.tls.key or server.tls.certificate))
        yield session


def check(server: FhirAddress, timeout: float = 10.0) -> None:
    """Whether the server tells what it can do. Raises `PeerUnavailableError` or `RejectedError`."""
    with fhir_session(server) as session:
        try:
            answer = session.get(f"{server.url}/metadata", timeout=timeout)
        except requests.RequestException as error:
            raise unreachable(server.url, error) from None
    if answer.status_code >= 500 or answer.status_code in LATER:
        raise PeerUnavailableError(f"{server.url} answered HTTP {answer.status_code}: try again later.")
    if not answer.ok:
        raise RejectedError(
            f"{server.url} refuses us (HTTP {answer.status_code}): correct its address or our rights there."
        )
    try:
        told = answer.json()["resourceType"] == "CapabilityStatement"
    except (ValueError, KeyError, TypeError):
        told = False
    if not told:
        raise RejectedError(f"{server.url} answers, but not as a FHIR server does: correct its address.")


def words(answer: requests.Response) -> str:
    """What a server says of a request that it did not carry out: the status, and the issues that it names."""
    try:
        issues = answer.json()["issue"]
        found = [_issue(issue) for issue in issues]
    except (ValueError, KeyError, TypeError, AttributeError):
        found = []
    said = "; ".join(dict.fromkeys(text for text in found if text))
    return f"HTTP {answer.status_code}{': ' if said else ''}{said}"[:WORDS_KEPT]


def _issue(issue: dict[str, object]) -> str:
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    return str(issue.get("diagnostics") or text or issue.get("code") or "")
