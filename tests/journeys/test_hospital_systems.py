"""A whole service between the other systems of a hospital: HL7 in and out, and a folder.

A recording is made of a patient whom an ADT then names and an order says when was operated on; its results go
out as HL7 message and as file.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest

from dicom.sending import Peer, send_objects
from service.database import connect
from service.demo.place import DemoPlace, pacs_child, prepare_place, service_child, wait_for_service
from service.hl7.mllp import MllpPeer, exchange, mllp_connection
from service.records.models import RecordingState
from service.supervisor import Supervisor
from service.up import free_ports
from tests.journeys.conftest import RunningService, wait_until
from tests.journeys.series import photos, series_uid, write_series
from tests.service.mllp_receiver import received, receiving

pytestmark = pytest.mark.journey

PATIENT_ID = "JOURNEY-hospital"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[DemoPlace, MllpPeer, Path]]:
    """A service's settings with an HL7 listener, a receiver of its messages, and a folder."""
    (port,) = free_ports(1)
    log, share = tmp_path / "received", tmp_path / "share"
    share.mkdir()
    with receiving(log) as ehr:
        made = prepare_place(tmp_path / "service")
        file = made.folder / "facialis.toml"
        file.write_text(
            file.read_text() + f"\n[listener]\nport = {port}\n"
            f'[[destinations]]\nkind = "hl7"\nname = "EHR"\nhost = "127.0.0.1"\nport = {ehr}\n'
            f'[[destinations]]\nkind = "folder"\nname = "share"\npath = "{share}"\n'
        )
        yield made, MllpPeer("127.0.0.1", port), tmp_path


def tell(listener: MllpPeer, trigger: str, *segments: str) -> str:
    """The code of the acknowledgement."""
    head = f"MSH|^~\\&|KIS|CLINIC|FACIALIS||20260101||{trigger}|{trigger[-3:]}|P|2.5.1||||||UNICODE UTF-8"
    with mllp_connection(listener, 30) as connection:
        answer = exchange(connection, "".join(f"{one}\r" for one in (head, *segments)).encode())
    return str(hl7.parse(answer.decode()).segment("MSA")[1])


def test_results_go_out_and_identity_and_surgeries_come_in(
    place: tuple[DemoPlace, MllpPeer, Path],
) -> None:
    made, listener, folder = place
    supervisor = Supervisor()
    child, pacs = service_child(made), pacs_child(made)
    try:
        supervisor.start(pacs)
        supervisor.start(child)
        running = wait_for_service(made, child)
        engine = connect(running.database_url)
        service = RunningService(made, engine, pacs)
        files = write_series(folder, "hospital", photos(seed=22))
        receiver = Peer("FACIALIS", "127.0.0.1", made.receiver_port)
        assert all(outcome.ok for outcome in send_objects(files[:1], receiver, calling_ae="CAMERA"))
        day = dt.date.today() - dt.timedelta(days=400)
        pid = f"PID|1||{PATIENT_ID}^^^^MR||Hospital^Given||19700101|F"
        order = f"OBR|1|O-1||5-044^Nerve graft^OPS|||{day:%Y%m%d}||||||||face^^^^L"
        assert tell(listener, "ADT^A08", pid) == "AA"
        assert tell(listener, "ORM^O01", pid, "ORC|NW|O-1", order) == "AA"
        assert all(outcome.ok for outcome in send_objects(files[1:], receiver, calling_ae="CAMERA"))
        assert service.wait_for(series_uid("hospital")).state is RecordingState.DELIVERED
        wait_until(lambda: len(received(folder / "received")) == 1, 30)
        (line,) = received(folder / "received")
        message = hl7.parse(line["message"])
        assert str(message.segment("PID")[5]) == "Hospital^Given"
        codes = {str(segment[3][0][0]) for segment in message.segments("OBX")}
        assert {"EF-R1", "EF-M7", "128740", "113014", "18748-4"} <= codes
        (report,) = (folder / "share").iterdir()
        assert report.read_bytes().startswith(b"%PDF")
        listed = service.command("deliveries", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        assert '"failed"' not in listed.stdout
        engine.dispose()
    finally:
        supervisor.stop()
    logs = "".join(file.read_text(errors="replace") for file in (made.data_dir / "logs").glob("*.log"))
    assert "message.taken" in logs
    for secret in ("Hospital", PATIENT_ID, "Nerve graft"):
        assert secret not in logs
