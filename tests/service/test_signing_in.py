"""Signing in with a password, how sessions end, and the commands and rules about users."""

import asyncio
import datetime as dt
import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from grading.errors import FacialisError
from service.access import accounts, passwords, sessions
from service.access.accounts import AccountError
from service.access.passwords import PasswordError, generate_password, hash_password
from service.access.roles import Role
from service.access.signing_in import MOST_FROM_ONE_PLACE, MOST_OF_ONE_ADDRESS, MOST_OF_ONE_NAME, WINDOW
from service.database import transaction
from service.records import audit
from service.records.audit import AuditSearch, system
from service.records.models import Account, AuditEvent, Recording, SignedIn, SignInFailure
from service.settings import Settings, load_settings
from service.storage import FolderStorage
from service.web.app import make_app
from service.web.signing_in import own_place
from service.web_settings import WebSettings
from tests.service.browsing import Browser, seen
from tests.service.cohorts import run

PASSWORD = "right-horse-battery"  # noqa: S105 - of a test's user
WRONG = "wrong"
TEST = system("test")


@pytest.fixture(scope="module")
def password_hash() -> str:
    """Made once: it is slow on purpose."""
    return hash_password(PASSWORD, "clara")


@pytest.fixture
def clara(engine: Engine, password_hash: str) -> Account:
    with transaction(engine) as session:
        account = accounts.add_account(session, TEST, "Clara", [Role.CLINICIAN])
        account.password_hash = password_hash
        return account


@pytest.fixture
def command_line(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def outcomes(engine: Engine) -> list[tuple[str, str, int]]:
    with Session(engine) as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.actor_kind == "user").order_by(AuditEvent.id)
        )
        return [(row.actor, row.kind, row.outcome) for row in rows]


def fail(engine: Engine, count: int, name: str, address: str) -> None:
    with transaction(engine) as session:
        session.add_all(SignInFailure(name=name, address=address) for _ in range(count))


def test_name_and_password_lead_to_the_page_that_was_asked_for(
    visitor: Browser, engine: Engine, clara: Account
) -> None:
    asked = visitor.get("/patients/3")
    form = visitor.get(asked.headers["location"])
    assert 'name="next" value="/patients/3"' in form.text
    answer = visitor.post("/sign-in", name=" CLARA ", password=PASSWORD, next="/patients/3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients/3")
    assert visitor.get("/").status_code == 200
    assert outcomes(engine)[0] == ("clara", "user.signed_in", 0)
    assert visitor.get("/sign-in").headers["location"] == "/"


def test_a_page_that_asks_for_news_takes_no_form_away_from_the_sign_in(
    visitor: Browser, clara: Account
) -> None:
    visitor.get("/sign-in", sent={"Sec-Fetch-Dest": "empty"})
    assert not visitor.cookies
    visitor.get("/sign-in", sent={"Sec-Fetch-Dest": "document"})
    assert visitor.cookies


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a?b"]
)
def test_a_sign_in_leads_to_no_other_site(visitor: Browser, place: str) -> None:
    assert own_place(place) == ""
    assert 'name="next" value=""' in visitor.get(f"/sign-in?next={place}").text


@pytest.mark.parametrize(
    ("name", "password"), [("clara", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0b", "")]
)
def test_wrong_name_and_wrong_password_are_answered_alike(
    visitor: Browser, engine: Engine, clara: Account, name: str, password: str
) -> None:
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", name=name, password=password)
    assert "The name or the password is not right." in seen(answer, 403)
    assert visitor.get("/").status_code == 303
    (row,) = outcomes(engine)
    assert row == ("clara" if name == "clara" else "unknown name", "user.signed_in", 4)


def test_a_password_typed_as_name_is_written_down_nowhere(
    visitor: Browser, engine: Engine, clara: Account
) -> None:
    visitor.get("/sign-in")
    visitor.post("/sign-in", name=PASSWORD)
    with transaction(engine) as session:
        assert PASSWORD not in str([vars(event) for event in audit.find(session, AuditSearch(), 10)])


def test_a_disabled_user_is_let_in_no_more(visitor: Browser, engine: Engine, clara: Account) -> None:
    visitor.get("/sign-in")
    visitor.post("/sign-in", name="clara", password=PASSWORD)
    with transaction(engine) as session:
        accounts.disable(session, TEST, accounts.find_account(session, "clara"))
    assert visitor.get("/").status_code == 303
    visitor.get("/sign-in")
    assert visitor.post("/sign-in", name="clara", password=PASSWORD).status_code == 403


@pytest.mark.parametrize(
    ("count", "name", "address"),
    [
        (MOST_FROM_ONE_PLACE, "clara", "127.0.0.1"),
        (MOST_OF_ONE_ADDRESS, "others", "127.0.0.1"),
        (MOST_OF_ONE_NAME, "clara", "10.0.0.1"),
    ],
)
def test_who_guesses_has_to_wait_even_with_the_right_password(
    visitor: Browser, engine: Engine, clara: Account, count: int, name: str, address: str
) -> None:
    visitor.get("/sign-in")
    fail(engine, count, name, address)
    refused = visitor.post("/sign-in", name="clara", password=PASSWORD)
    assert "try again in 15 minutes" in seen(refused, 429)
    assert outcomes(engine)[-1] == ("clara", "user.signed_in", 4)
    with transaction(engine) as session:
        session.execute(update(SignInFailure).values(at=SignInFailure.at - WINDOW))
    assert visitor.post("/sign-in", name="clara", password=PASSWORD).status_code == 303


@pytest.mark.journey
def test_failures_are_counted_and_forgotten_after_a_success(
    visitor: Browser, engine: Engine, clara: Account
) -> None:
    visitor.get("/sign-in")
    for _ in range(MOST_FROM_ONE_PLACE - 1):
        assert visitor.post("/sign-in", name="clara", password=WRONG).status_code == 403
    assert visitor.post("/sign-in", name="clara", password=PASSWORD).status_code == 303
    with Session(engine) as session:
        assert not session.scalars(select(SignInFailure)).all()


@pytest.mark.parametrize(
    ("column", "age", "lives"),
    [
        (SignedIn.seen_at, dt.timedelta(minutes=29), True),
        (SignedIn.seen_at, dt.timedelta(minutes=31), False),
        (SignedIn.began_at, dt.timedelta(hours=11), True),
        (SignedIn.began_at, dt.timedelta(hours=13), False),
    ],
)
def test_a_session_ends_when_idle_and_after_half_a_day(
    browser: Browser, engine: Engine, column: object, age: dt.timedelta, lives: bool
) -> None:
    with transaction(engine) as session:
        session.execute(update(SignedIn).values({column: column - age}))
    assert browser.get("/").status_code == (200 if lives else 303)
    if lives and column is SignedIn.seen_at:
        with Session(engine) as session:
            (row,) = session.scalars(select(SignedIn))
            assert dt.datetime.now(dt.UTC) - row.seen_at < dt.timedelta(minutes=1)


def test_a_page_that_looks_for_news_by_itself_keeps_no_session_alive(
    browser: Browser, engine: Engine, ada: Recording
) -> None:
    with transaction(engine) as session:
        session.execute(update(SignedIn).values(seen_at=SignedIn.seen_at - dt.timedelta(minutes=20)))
    idle = []
    for path in (f"/recordings/{ada.id}/version", f"/recordings/{ada.id}"):
        assert browser.get(path).status_code == 200
        with Session(engine) as session:
            (row,) = session.scalars(select(SignedIn))
            idle.append(dt.datetime.now(dt.UTC) - row.seen_at)
    assert idle[0] > dt.timedelta(minutes=19)
    assert idle[1] < dt.timedelta(minutes=2)


def test_signing_out_ends_the_session_for_good(browser: Browser, engine: Engine) -> None:
    cookies = browser.cookies
    answer = browser.post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert answer.headers["clear-site-data"] == '"cache"'
    browser.cookies = cookies
    assert browser.get("/").status_code == 303
    assert outcomes(engine)[-1] == ("clara", "user.signed_out", 0)


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    engine: Engine, storage: FolderStorage, runner: asyncio.Runner, clara: Account
) -> None:
    for secure, name in ((False, "facialis"), (True, "__Host-facialis")):
        web = WebSettings(proxies=("10.0.0.1",)) if secure else WebSettings()
        browser = Browser(make_app(engine, storage, Settings(web=web)), runner)
        if secure:
            browser.host = "localhost"
            browser.scheme = "https"
        answer = browser.get("/sign-in")
        assert answer.headers["set-cookie"].startswith(f"{name}-visit=")
        assert ("strict-transport-security" in answer.headers) is secure
        secret = browser.cookies.get(f"{name}-visit")
        token = sessions.form_token(secret)
        answer = browser.post("/sign-in", name="clara", password=PASSWORD, form_token=token)
        cookie = answer.headers.get_list("set-cookie")[0]
        assert cookie.startswith(f"{name}=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert ("Secure" in cookie) is secure


def test_only_hashes_of_cookies_and_passwords_are_stored(
    visitor: Browser, engine: Engine, clara: Account
) -> None:
    visitor.get("/sign-in")
    visitor.post("/sign-in", name="clara", password=PASSWORD)
    with Session(engine) as session:
        (row,) = session.scalars(select(SignedIn))
        assert visitor.cookies.get("facialis") not in row.token_hash
        assert session.get_one(Account, clara.id).password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.journey
def test_a_user_changes_the_password_and_other_browsers_are_signed_out(
    visitor: Browser, engine: Engine, runner: asyncio.Runner, clara: Account
) -> None:
    other = Browser(visitor.app, visitor.runner)
    for browser in (visitor, other):
        browser.get("/sign-in")
        browser.post("/sign-in", name="clara", password=PASSWORD)
    assert "not right" in seen(visitor.post("/account/password", present="wrong", new="x" * 12), 403)
    assert "easy to guess" in seen(visitor.post("/account/password", present=PASSWORD, new="x" * 12), 422)
    assert visitor.post("/account/password", present=PASSWORD, new="left-horse-battery").status_code == 303
    assert visitor.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    other.get("/sign-in")
    assert other.post("/sign-in", name="clara", password=PASSWORD).status_code == 403


@pytest.mark.parametrize("password", ["short", "x" * 300, "aaaaaaaaaaaa", "i-am-clara-of-ward-3"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordError):
        hash_password(password, "clara")


def test_generated_passwords_differ_and_are_taken() -> None:
    made = {generate_password() for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch(r"[0-9a-f]{6}(-[0-9a-f]{6}){3}", password) for password in made)
    word = made.pop()
    assert passwords.fits(word, hash_password(word, "clara"))
    assert not passwords.fits("", None)


@pytest.mark.parametrize("name", ["", " ", "a b", "Ärztin", "x" * 65, "-a", "a\0b"])
def test_unfit_names_are_refused(engine: Engine, name: str) -> None:
    with pytest.raises(AccountError), transaction(engine) as session:
        accounts.add_account(session, TEST, name, [Role.VIEWER])


def test_a_name_is_given_once_in_any_case(engine: Engine, clara: Account) -> None:
    with pytest.raises(AccountError, match="account of that name"), transaction(engine) as session:
        accounts.add_account(session, TEST, "CLARA", [Role.VIEWER])


def test_the_last_administrator_stays(engine: Engine) -> None:
    with transaction(engine) as session:
        adam = accounts.add_account(session, TEST, "adam", [Role.ADMINISTRATOR])
        with pytest.raises(AccountError, match="only administrator"):
            accounts.disable(session, TEST, adam)
        with pytest.raises(AccountError, match="only administrator"):
            accounts.change_roles(session, TEST, adam, [Role.VIEWER])
        eve = accounts.add_account(session, TEST, "eve", [Role.ADMINISTRATOR])
        accounts.disable(session, TEST, adam)
        with pytest.raises(AccountError, match="only administrator"):
            accounts.disable(session, TEST, eve)


@pytest.mark.journey
def test_commands_look_after_users_and_each_change_is_recorded(engine: Engine, command_line: None) -> None:
    added = run("user", "add", "adam", "--role", "administrator", "--full-name", "Adam A.", "--generate")
    assert added.exit_code == 0, added.output
    assert re.fullmatch(r"Password: [0-9a-f-]{27}\n", added.output)
    assert run("user", "roles", "adam", "--role", "administrator", "--role", "viewer").exit_code == 0
    changed = run("user", "password", "adam", "--generate")
    assert changed.output != added.output
    assert run("user", "add", "eve", "--role", "administrator", "--generate").exit_code == 0
    assert run("user", "disable", "adam").exit_code == 0
    assert run("user", "enable", "adam").exit_code == 0
    (adam, _eve) = json.loads(run("user", "list", "--json").output)
    assert (adam["name"], adam["roles"], adam["disabled"]) == ("adam", "viewer administrator", False)
    unknown = run("user", "disable", "nobody")
    assert isinstance(unknown.exception, FacialisError)
    with transaction(engine) as session:
        trail = [event.kind for event in audit.find(session, AuditSearch(), 20, oldest_first=True)]
    assert trail == [
        "user.added",
        "user.role_changed",
        "user.changed",
        "user.added",
        "user.changed",
        "user.changed",
    ]
