"""Signing in by OpenID Connect, against a provider in a process of its own (identity_provider.py)."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.access import accounts
from service.access.roles import Role
from service.database import transaction
from service.records.audit import system
from service.records.models import Account, AuditEvent
from service.settings import Settings
from service.storage import FolderStorage
from service.web.app import make_app
from service.web_settings import OidcSettings, WebSettings
from tests.service.browsing import Browser, seen

pytestmark = pytest.mark.journey

ROLES = {"clinician": ("ENT-doctors",), "administrator": ("it",)}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(__file__).parent / "identity_provider.py"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", program, str(port)], stderr=subprocess.DEVNULL
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the provider ended"
                assert time.monotonic() < deadline, "the provider did not answer"
                time.sleep(0.05)
        yield issuer
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def settings(issuer: str, /, **changes: object) -> Settings:
    oidc = {"issuer": issuer, "client_id": "facialis", "client_secret": "s", "roles_claim": "groups"}
    return Settings(web=WebSettings(oidc=OidcSettings(**oidc | {"roles": ROLES} | changes)))


@pytest.fixture
def hospital(engine: Engine, storage: FolderStorage, runner: asyncio.Runner, issuer: str) -> Browser:
    """A browser at an installation that takes the provider's word."""
    return Browser(make_app(engine, storage, settings(issuer)), runner)


def consent(address: str, person: str) -> str:
    """What the provider sends the browser back to when somebody has signed in there."""
    answer = httpx.post(address, data={"sub": person}, trust_env=False)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    assert back.path == "/sign-in/provider/back"
    return f"{back.path}?{back.query}"


def sign_in(browser: Browser, person: str, place: str = "") -> httpx.Response:
    there = browser.get(f"/sign-in/provider?next={place}")
    assert there.status_code == 303, there.text
    return browser.get(consent(there.headers["location"], person))


def test_whoever_the_provider_knows_is_let_in_with_the_roles_of_its_groups(
    hospital: Browser, engine: Engine
) -> None:
    assert "/sign-in/provider?next=/patients/3" in hospital.get("/sign-in?next=/patients/3").text
    answer = sign_in(hospital, "clara-1", "/patients/3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients/3")
    assert "Clara Körner" in seen(hospital.get("/"))
    assert hospital.get("/admin/users").status_code == 403
    with Session(engine) as session:
        account = session.query(Account).one()
        assert (account.name, account.roles, account.subject) == ("clara.k", ["clinician"], "clara-1")
        events = session.query(AuditEvent).order_by(AuditEvent.id).all()
        assert [(event.actor, event.kind) for event in events[:2]] == [
            ("identity provider", "user.added"),
            ("clara.k", "user.signed_in"),
        ]
        assert events[1].detail == {"way": "identity provider"}
    assert sign_in(hospital, "clara-1").headers["location"] == "/"
    with Session(engine) as session:
        assert session.query(Account).count() == 1


def test_the_request_carries_a_challenge_a_nonce_and_no_secret(hospital: Browser, issuer: str) -> None:
    address = hospital.get("/sign-in/provider").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{issuer}/oauth2/authorize?")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://localhost:8080/sign-in/provider/back"
    assert len(asked["nonce"]) == len(asked["code_challenge"]) == 43
    assert "client_secret" not in asked
    again = hospital.get("/sign-in/provider").headers["location"]
    assert asked["nonce"] not in again


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ("stranger-1", "none of the roles"),
        ("nameless-1", "no claim preferred_username"),
        ("adam-1", "account of that name"),
    ],
)
def test_others_are_refused_and_that_is_recorded(
    hospital: Browser, engine: Engine, person: str, words: str
) -> None:
    with transaction(engine) as session:
        accounts.add_account(session, system("test"), "adam", [Role.ADMINISTRATOR])
    answer = sign_in(hospital, person)
    assert words in seen(answer, 403)
    assert hospital.get("/").status_code == 303
    with Session(engine) as session:
        event = session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
        assert event is not None
        assert (event.kind, event.outcome, event.actor) == ("user.signed_in", 4, "unknown name")


def test_roles_follow_the_provider_and_a_disabled_user_stays_out(
    hospital: Browser, engine: Engine, storage: FolderStorage, issuer: str
) -> None:
    sign_in(hospital, "clara-1")
    roles = {"administrator": ("ENT-doctors",), "viewer": ("staff",)}
    other = Browser(make_app(engine, storage, settings(issuer, roles=roles)), hospital.runner)
    sign_in(other, "clara-1")
    assert other.get("/admin/users").status_code == 200
    assert hospital.get("/").status_code == 303
    with transaction(engine) as session:
        account = accounts.find_account(session, "clara.k")
        assert account.roles == ["viewer", "administrator"]
        accounts.add_account(session, system("test"), "eve", [Role.ADMINISTRATOR])
        accounts.disable(session, system("test"), account)
    assert "disabled" in seen(sign_in(other, "clara-1"), 403)


def test_an_answer_that_another_browser_asked_for_is_refused(hospital: Browser, engine: Engine) -> None:
    back = consent(hospital.get("/sign-in/provider").headers["location"], "clara-1")
    victim = Browser(hospital.app, hospital.runner)
    assert "not begun in this browser" in seen(victim.get(back), 403)
    victim.get("/sign-in/provider")
    assert "not begun in this browser" in seen(victim.get(back), 403)
    assert hospital.get(back.replace("state=", "state=x")).status_code == 403
    assert hospital.get(back).status_code == 303
    assert "refused the code" in seen(_again(hospital, back), 403)


def _again(browser: Browser, back: str) -> httpx.Response:
    """The same code once more, in the attempt of a browser that has begun anew."""
    state = parse_qs(urlsplit(browser.get("/sign-in/provider").headers["location"]).query)["state"][0]
    code = parse_qs(urlsplit(back).query)["code"][0]
    return browser.get(f"/sign-in/provider/back?code={code}&state={state}")


def test_a_code_of_another_attempt_fails_by_its_verifier(hospital: Browser) -> None:
    back = consent(hospital.get("/sign-in/provider").headers["location"], "clara-1")
    assert "refused the code (invalid_grant)" in seen(_again(hospital, back), 403)


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"issuer": "http://localhost:1"}], ids=["audience", "unreachable"]
)
def test_tokens_for_others_and_a_provider_that_is_away_let_nobody_in(
    engine: Engine, storage: FolderStorage, hospital: Browser, issuer: str, changes: dict[str, str]
) -> None:
    other = Browser(make_app(engine, storage, settings(issuer, **changes)), hospital.runner)
    there = other.get("/sign-in/provider")
    if "issuer" in changes:
        assert "does not answer" in seen(there, 503)
        return
    asked_by_us = there.headers["location"].replace("client_id=other", "client_id=facialis")
    assert other.get(consent(asked_by_us, "clara-1")).status_code == 403


def test_a_denial_at_the_provider_is_told(hospital: Browser) -> None:
    there = hospital.get("/sign-in/provider").headers["location"]
    state = parse_qs(urlsplit(there).query)["state"][0]
    answer = hospital.get(f"/sign-in/provider/back?error=access_denied&error_description=<b>&state={state}")
    assert "let nobody in" in seen(answer, 403)
    assert "<b>" not in answer.text


def test_without_a_provider_there_is_no_way_to_one(visitor: Browser) -> None:
    assert visitor.get("/sign-in/provider").status_code == 404
    assert visitor.get("/sign-in/provider/back?code=x").status_code == 404
    assert "/sign-in/provider" not in visitor.get("/sign-in").text


def test_a_provider_beyond_this_machine_needs_tls() -> None:
    with pytest.raises(ValueError, match="https"):
        OidcSettings(issuer="http://idp.example", client_id="x", roles={})
