"""The pages for administrators: deliveries, the audit trail, users. That of health is in test_health.py.

That others do not reach them is tested in test_access.py.
"""

import asyncio
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.access.roles import Role
from service.database import transaction
from service.peer_settings import Destination, FolderDestination
from service.records import audit
from service.records.audit import AuditSearch, record, system
from service.records.audit_events import AuditEventKind
from service.records.models import Account, Delivery, DeliveryState, Recording, RecordingState
from service.settings import Settings
from service.storage import FolderStorage
from service.web.app import make_app
from tests.service.browsing import Browser, seen
from tests.service.clinic import SURGERY_DAY, Clinic


@pytest.fixture
def admin(engine: Engine, storage: FolderStorage, runner: asyncio.Runner, tmp_path: Path) -> Browser:
    """An administrator's browser, of an installation with a folder and a PACS that is not there."""
    (tmp_path / "out").mkdir()
    settings = Settings(
        data_dir=tmp_path,
        destinations=(
            FolderDestination(kind="folder", name="Folder", path=tmp_path / "out"),
            Destination(name="Main PACS", ae_title="PACS", host="127.0.0.1", port=1),
        ),
    )
    browser = Browser(make_app(engine, storage, settings), runner)
    browser.sign_in(engine, "adam", Role.ADMINISTRATOR)
    return browser


@pytest.fixture
def failed(clinic: Clinic, ada: Recording) -> int:
    """The number of a delivery that failed."""
    recording = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.REPORTED)
    grading = clinic.grade(recording, clinic.bundle("other"), 50)
    clinic.report(grading, DeliveryState.FAILED, "Refused: out of resources")
    clinic.session.commit()
    return max(row.id for row in clinic.session.query(Delivery))


def trail(engine: Engine, kind: AuditEventKind) -> list[dict[str, object]]:
    with transaction(engine) as session:
        return [event.detail for event in audit.find(session, AuditSearch(kinds=(kind,)), 10)]


def test_deliveries_are_shown_by_number_and_tried_again(admin: Browser, engine: Engine, failed: int) -> None:
    text = seen(admin.get("/admin/deliveries?state=failed"))
    assert "Refused: out of resources" in text
    assert "Success (0000H)" not in text
    assert "Phantom" not in text
    assert "Success (0000H)" in seen(admin.get("/admin/deliveries"))
    assert admin.post(f"/admin/deliveries/{failed}/retry").status_code == 303
    with Session(engine) as session:
        assert session.get_one(Delivery, failed).state is DeliveryState.PENDING
    assert trail(engine, AuditEventKind.DELIVERY_RETRIED) == [{"destination": "Main PACS"}]
    assert admin.post(f"/admin/deliveries/{failed}/retry").status_code == 303
    assert "There is none." in seen(admin.get("/admin/deliveries?state=failed"))


def test_what_failed_is_given_up_and_that_is_recorded(admin: Browser, engine: Engine, failed: int) -> None:
    assert "Give up" in seen(admin.get("/admin/deliveries?state=failed"))
    assert admin.post(f"/admin/deliveries/{failed}/drop").status_code == 303
    with Session(engine) as session:
        assert session.get_one(Delivery, failed).state is DeliveryState.DROPPED
    assert trail(engine, AuditEventKind.DELIVERY_DROPPED) == [{"destination": "Main PACS"}]
    given_up = seen(admin.get("/admin/deliveries?state=dropped"))
    assert "given up" in given_up
    assert "Try again" in given_up


def test_all_that_failed_is_tried_again_at_once(admin: Browser, engine: Engine, failed: int) -> None:
    assert "Try all 1 that failed again" in seen(admin.get("/admin/deliveries?state=x&destination="))
    admin.post("/admin/deliveries/retry")
    with Session(engine) as session:
        assert session.get_one(Delivery, failed).state is DeliveryState.PENDING


def test_the_trail_is_searched_in_pages_and_that_is_recorded(admin: Browser, engine: Engine) -> None:
    with transaction(engine) as session:
        for number in range(1, 131):
            record(session, system("w"), AuditEventKind.RECORDING_CHANGED, recording=number, change="<b>")
    first = admin.get("/admin/audit?event=recording.changed&actor=w&since=2020-01-01&until=2100-01-01")
    assert first.text.count("<tr>") == 101
    assert "&lt;b&gt;" in first.text
    older = re.search(r'href="(/admin/audit\?[^"]+)">Older', first.text)
    assert older is not None
    rest = admin.get(older[1].replace("&amp;", "&"))
    assert rest.text.count("<tr>") == 31
    assert "Older" not in seen(rest)
    assert trail(engine, AuditEventKind.AUDIT_READ) == [{"events": 30}, {"events": 100}]
    assert "There is none." in seen(admin.get("/admin/audit?recording=131"))
    assert (
        admin.get("/admin/audit?since=x&until=9999-12-31&patient=-1&beyond=%00&actor=%00").status_code == 200
    )


def test_users_are_added_changed_and_disabled(admin: Browser, engine: Engine) -> None:
    text = seen(
        admin.post("/admin/users", name="Clara", full_name="Dr. <Clara>", role=["clinician", "viewer"])
    )
    password = re.search(r"The password of clara, shown only now: ([0-9a-f-]{27})", text)
    assert password is not None
    assert "Dr. <Clara>" in text
    assert password[1] not in seen(admin.get("/admin/users"))
    with Session(engine) as session:
        clara = session.query(Account).filter_by(name="clara").one()
        assert clara.roles == ["viewer", "clinician"]
    assert "account of that name" in seen(admin.post("/admin/users", name="clara"), 422)
    assert (
        admin.post(f"/admin/users/{clara.id}/roles", seen="viewer clinician", role="rater").status_code == 303
    )
    assert "shown only now" in seen(admin.post(f"/admin/users/{clara.id}/password"))
    assert admin.post(f"/admin/users/{clara.id}/enabled", enabled="no").status_code == 303
    assert "disabled" in seen(admin.get("/admin/users"))
    assert admin.post(f"/admin/users/{clara.id}/enabled", enabled="yes").status_code == 303
    assert "no such user" in seen(admin.post("/admin/users/999/roles"), 422)
    with Session(engine) as session:
        adam = session.query(Account).filter_by(name="adam").one()
    assert "only administrator" in seen(admin.post(f"/admin/users/{adam.id}/enabled", enabled="no"), 422)
    kinds = [
        (event["account"], event.get("change") or event.get("roles"))
        for kind in (AuditEventKind.USER_CHANGED, AuditEventKind.USER_ROLE_CHANGED)
        for event in trail(engine, kind)
    ]
    assert kinds == [("clara", "enabled"), ("clara", "disabled"), ("clara", "password"), ("clara", "rater")]
