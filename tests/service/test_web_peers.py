"""What the answers of web servers, FHIR and DICOMweb, mean for what was sent to them."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dicom.peers import PeerUnavailableError, RejectedError
from dicom.tls import ClientTls
from dicom.web import WebPeer, store_objects
from dicom.web import check as check_dicomweb
from service.delivery.by_fhir import send
from service.delivery.outcomes import Outcome, Parcel
from service.fhir.client import check
from service.peer_settings import FhirDestination
from service.storage import FolderStorage
from tests.dicom.samples import photo, save
from tests.service.mllp_receiver import receiving

FROZEN = {
    "grading_uid": "1",
    "patient_id": "PH-1",
    "issuer": "1.2",
    "pdf_key": "x",
    "final": False,
    "entries": [],
}
TAKEN = {"entry": [{"response": {"status": "201 Created"}}, {"response": {"status": "200"}}]}


class Server(HTTPServer):
    """Gives the answers that it was told to, in turn, and keeps what it was asked."""

    answers: list[tuple[int, object]]
    headers: list[dict[str, str]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.headers.append(dict(self.headers))
        status, body = self.server.answers.pop(0)
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        kind = "dicom" if self.path.endswith("/studies") else "fhir"
        self.send_header("Content-Type", f"application/{kind}+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.headers = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


def destination(port: int, **options: object) -> FhirDestination:
    return FhirDestination.model_validate(
        {"kind": "fhir", "name": "EHR", "url": f"http://127.0.0.1:{port}/fhir", **options}
    )


def outcomes(
    server: Server, tmp_path: Path, *answers: tuple[int, object], **options: object
) -> list[Outcome]:
    server.answers += answers
    file = tmp_path / "frozen.json"
    file.write_text(json.dumps(FROZEN))
    parcels = {number: Parcel("fhir", f"1.{number}", file, file) for number in range(len(answers))}
    found = send(parcels, destination(server.server_port, **options), FolderStorage(tmp_path), 60)
    return [found[number] for number in parcels]


def issue(text: str) -> dict[str, object]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": text}]}


def test_a_refused_transaction_keeps_the_servers_words_and_others_go_on(
    server: Server, tmp_path: Path
) -> None:
    refused, taken = outcomes(server, tmp_path, (422, issue("Observation.code is unknown")), (200, TAKEN))
    assert (refused.ok, refused.transient) == (False, False)
    assert refused.words == "HTTP 422: Observation.code is unknown"
    assert (taken.ok, taken.words) == (True, "taken, 1 of 2 resources new")


@pytest.mark.parametrize(
    ("status", "transient", "reached", "limited"),
    [(400, False, True, False), (412, False, True, False), (409, True, True, False),
     (429, True, False, False), (500, True, True, True), (502, True, False, False),
     (503, True, False, False)],
)  # fmt: skip
def test_statuses_tell_whether_to_try_again(
    server: Server, tmp_path: Path, status: int, transient: bool, reached: bool, limited: bool
) -> None:
    (found,) = outcomes(server, tmp_path, (status, "no JSON"))
    assert (found.ok, found.transient, found.reached, found.limited) == (False, transient, reached, limited)
    assert found.words == f"HTTP {status}"


def test_a_server_that_takes_a_transaction_has_to_say_so_of_every_entry(
    server: Server, tmp_path: Path
) -> None:
    failed = {"entry": [{"response": {"status": "201"}}, {"response": {"status": "404 Not Found"}}]}
    half, none = outcomes(server, tmp_path, (200, failed), (200, "<html>"))
    assert (half.ok, half.transient, "404 Not Found" in half.words) == (False, False, True)
    assert (none.ok, none.transient) == (False, True)


def test_a_server_that_stops_letting_us_in_keeps_what_it_took(server: Server, tmp_path: Path) -> None:
    taken, refused = outcomes(server, tmp_path, (200, TAKEN), (401, issue("who are you")))
    assert (taken.ok, refused.ok, refused.transient) == (True, False, False)
    assert refused.words == "HTTP 401: who are you"


def test_we_sign_in_by_token_or_password(server: Server, tmp_path: Path) -> None:
    outcomes(server, tmp_path, (200, TAKEN), token="secret")  # noqa: S106
    outcomes(server, tmp_path, (200, TAKEN), user="u", password="p")  # noqa: S106
    signed = [headers["Authorization"] for headers in server.headers]
    assert signed == ["Bearer secret", "Basic dTpw"]
    assert server.headers[0]["Content-Type"] == "application/fhir+json"


def test_a_check_tells_of_absence_refusal_and_an_expired_certificate(
    server: Server, tmp_path: Path, expired: tuple[Path, Path]
) -> None:
    server.answers += [(200, {"resourceType": "CapabilityStatement"}), (403, {}), (503, {})]
    check(destination(server.server_port))
    with pytest.raises(RejectedError, match="403"):
        check(destination(server.server_port))
    with pytest.raises(PeerUnavailableError, match="503"):
        check(destination(server.server_port))
    with pytest.raises(PeerUnavailableError, match="cannot be reached"):
        check(destination(1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*expired)
    with receiving(tmp_path / "log", context=context) as port:
        there = destination(port, url=f"https://127.0.0.1:{port}", tls={"authorities": expired[0]})
        with pytest.raises(PeerUnavailableError, match="has expired: renew it there"):
            check(there)
        with pytest.raises(PeerUnavailableError, match="has expired: renew it there"):
            check_dicomweb(WebPeer(there.url, tls=ClientTls(expired[0])))


def test_what_a_dicomweb_server_stored_before_it_broke_off_is_not_sent_again(
    server: Server, tmp_path: Path
) -> None:
    stored = {"00081199": {"vr": "SQ", "Value": [{}]}}
    server.answers += [(200, stored), (503, "busy"), (200, stored), (401, "who are you")]
    paths = [save(photo(sop_instance_uid=f"1.2.{number}"), tmp_path / f"{number}.dcm") for number in range(4)]
    peer = WebPeer(f"http://127.0.0.1:{server.server_port}")
    taken, busy, other, refused = store_objects(paths, peer)
    assert [(one.ok, one.transient) for one in (taken, busy, other)] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert (refused.ok, refused.transient, "401" in refused.words) == (False, False, True)
    server.answers += [(200, stored), (401, "who are you")]
    first, second, third = store_objects(paths[:3], peer)
    assert (first.ok, second.transient) == (True, False)
    assert (third.ok, third.transient, third.words) == (False, True, "not sent yet")
    server.answers += [(401, "who are you")]
    with pytest.raises(RejectedError):
        store_objects(paths[:1], peer)
