"""Forms of pages that were opened before somebody else changed the same, and fields that no page sends."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from service.access.accounts import find_account
from service.access.passwords import hash_password
from service.access.roles import Role
from service.database import transaction
from service.records.annotations import save_annotation
from service.records.models import Landmarks, Photo, Recording, SettledScore
from service.web.administration import beginning
from service.web.number_lists import NumberListError, read_numbers
from tests.service.browsing import Browser, seen
from tests.service.test_landmarks import form as points

STALE = "somebody else changed it meanwhile"
HUGE = "9" * 5000


def fields(page: str) -> dict[str, str | list[str]]:
    """What the page's own forms hold besides their token: hidden fields and chosen answers."""
    hidden = re.findall(r'<input type="hidden" name="((?!form_token)[^"]+)" value="([^"]*)"', page)
    lists = re.findall(r'<select name="([^"]+)">(.*?)</select>', page, re.DOTALL)
    for name, options in lists:
        if found := re.search(r'value="([^"]*)" selected', options):
            hidden.append((name, found[1]))
    return dict(hidden)


def test_poses_that_somebody_else_corrected_meanwhile_are_not_put_back(
    browser: Browser, engine: Engine, ada: Recording
) -> None:
    path = f"/recordings/{ada.id}/photos"
    mine = theirs = fields(browser.get(path).text)
    first, second = [name for name in mine if name.startswith("pose-")][:2]
    swapped = theirs | {first: theirs[second], second: theirs[first]}
    assert browser.post(path, **swapped).status_code == 303
    third = [name for name in mine if name.startswith("pose-")][2]
    assert STALE in seen(browser.post(path, **mine | {third: ""}), 409)
    with transaction(engine) as session:
        photo = session.get_one(Photo, int(first.removeprefix("pose-")))
        assert photo.pose == theirs[second]
        assert not session.scalars(select(Photo).filter_by(recording_key=ada.id, excluded=True)).all()
    # Swapped back from the page as it is now.
    now = fields(browser.get(path).text)
    assert browser.post(path, **now | {first: now[second], second: now[first]}).status_code == 303


def test_a_side_that_somebody_else_set_meanwhile_stays(
    browser: Browser, engine: Engine, ada: Recording
) -> None:
    path = f"/recordings/{ada.id}/side"
    assert browser.post(path, seen="", side="L").status_code == 303
    assert STALE in seen(browser.post(path, seen="", side=""), 409)
    with transaction(engine) as session:
        assert session.get_one(Recording, ada.id).affected_side == "L"
    assert browser.post(path, seen="L", side="").status_code == 303


def test_scores_that_somebody_else_settled_meanwhile_stay(
    browser: Browser, engine: Engine, ada: Recording
) -> None:
    with transaction(engine) as session:
        for rater, score in (("eva", 20.0), ("otto", 150.0)):
            save_annotation(session, ada.id, rater, {"R1": score, "R2": score})
    path = f"/raters/settle/{ada.id}"
    mine = fields(browser.get(path).text)
    assert mine == {"seen-R1": "", "seen-R2": ""}
    assert browser.post(path, **mine, **{"score-R1": "60", "score-R2": ""}).status_code == 303
    assert STALE in seen(browser.post(path, **mine, **{"score-R1": "", "score-R2": "70"}), 422)
    # An item that a page did not show yet is left as it is.
    assert browser.post(path, **{"seen-R2": "", "score-R2": "70"}).status_code == 303
    with transaction(engine) as session:
        settled = {row.item: row.value for row in session.scalars(select(SettledScore))}
    assert settled == {"R1": 60.0, "R2": 70.0}


def test_points_that_somebody_else_saved_meanwhile_stay_and_mine_stand_on_the_page(
    browser: Browser, engine: Engine, ada: Recording
) -> None:
    photo = ada.photos[0].id
    path = f"/recordings/{ada.id}/landmarks/{photo}"
    assert browser.post(path, seen="", **points(L_brow=(320.0, 128.0))).status_code == 303
    refused = browser.post(path, seen="", **points(L_brow=(333.0, 150.0)))
    assert STALE in seen(refused, 422)
    with transaction(engine) as session:
        assert session.get_one(Landmarks, (photo, 0)).points["L-brow"] == [320.0, 128.0]
    # Having seen that, they may be saved in place of the others.
    mine = fields(refused.text)
    assert mine["x-L-brow"] == "333.0"
    assert browser.post(path, **mine).status_code == 303


def test_a_role_that_another_administrator_took_away_is_not_given_back(
    visitor: Browser, engine: Engine
) -> None:
    visitor.sign_in(engine, "otto", Role.CLINICIAN, Role.VIEWER)
    visitor.sign_in(engine, "adam", Role.ADMINISTRATOR)
    with transaction(engine) as session:
        otto = find_account(session, "otto").id
    path = f"/admin/users/{otto}/roles"
    assert 'name="seen" value="viewer clinician"' in visitor.get("/admin/users").text
    assert visitor.post(path, seen="viewer clinician", role="viewer").status_code == 303
    assert STALE in seen(visitor.post(path, seen="viewer clinician", role=["viewer", "clinician"]), 422)


def test_numbers_that_no_page_sends_are_refused_as_such(browser: Browser, ada: Recording) -> None:
    assert browser.post(f"/recordings/{ada.id}/sign-off", grading=HUGE).status_code == 404
    stale = fields(browser.get(f"/recordings/{ada.id}/photos").text)
    assert browser.post(f"/recordings/{ada.id}/photos", **stale | {f"pose-{HUGE}": "REST"}).status_code == 303


@pytest.mark.parametrize("path", ["/patients/{}", "/recordings/{}"])
def test_an_address_with_a_number_of_many_digits_leads_nowhere(
    visitor: Browser, engine: Engine, path: str
) -> None:
    visitor.sign_in(engine, "vera", Role.VIEWER)
    assert visitor.get(path.format(HUGE)).status_code in (403, 404)


def test_bundles_are_compared_by_numbers_only(visitor: Browser, engine: Engine) -> None:
    visitor.sign_in(engine, "adam", Role.ADMINISTRATOR)
    assert visitor.get(f"/admin/bundles/compare?before={HUGE}&after=1").status_code == 404
    assert "Audit trail" in seen(visitor.get(f"/admin/audit?patient={HUGE}&since=x&until=0001-01-01"))


@pytest.mark.parametrize("text", ["20-14", ",", "12, 9-3"])
def test_a_range_from_high_to_low_does_not_mean_all_recordings(text: str) -> None:
    with pytest.raises(NumberListError):
        read_numbers(text, 100)


def test_a_user_may_have_a_name_that_stands_in_a_password_by_chance() -> None:
    assert hash_password("a1b2c3-d4e5f6-adab00", "ada")


def test_a_day_of_the_trail_is_that_of_the_site_also_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    since, until = beginning("2026-03-29", berlin), beginning("2026-03-29", berlin, days=1)
    assert since == dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    assert until == dt.datetime(2026, 3, 29, 22, tzinfo=dt.UTC)
