"""The pages about bundles: the list, one bundle, two compared, activating, going back, adopting."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE, WEIGHTS, load_bundle, save_bundle
from service import activating
from service.access.roles import Role
from service.bundles import installed_folder
from service.database import transaction
from service.records import activations, audit, regrading
from service.records.audit import AuditSearch, system
from service.records.audit_events import AuditEventKind
from service.records.gradings import save_grading
from service.records.models import Bundle, Grading, Recording, Regrading, RegradingState
from service.settings import Settings
from service.storage import FolderStorage
from tests.service.browsing import Browser, seen
from tests.service.clinic import Clinic
from tests.service.samples import result

LIST = "/admin/bundles"
SERVED = load_bundle(COMMISSIONING_BUNDLE)
# What the bundle of the settings is called on pages.
NAME = f"{SERVED.name} {SERVED.version}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another bundle, whose errors are two points larger."""
    folder = tmp_path_factory.mktemp("new")
    errors = tuple(replace(error, mae=error.mae + 2) for error in SERVED.errors)
    save_bundle(replace(SERVED, name="new", version="2", errors=errors), folder)
    return folder


@pytest.fixture
def admin(visitor: Browser, engine: Engine) -> Browser:
    visitor.sign_in(engine, "adam", Role.ADMINISTRATOR)
    return visitor


@pytest.fixture
def new(engine: Engine, storage: FolderStorage, folder: Path, admin: Browser) -> Bundle:
    """That bundle, installed after the first look at the list."""
    admin.get(LIST)
    with transaction(engine) as session:
        return activating.install(session, system("test"), storage, folder)


def history(engine: Engine) -> list[tuple[str, str, str]]:
    with transaction(engine) as session:
        return [(one.bundle.name, one.actor, one.reason) for one in activations.history(session)]


def test_before_anything_is_activated_the_bundle_of_the_settings_is_shown(admin: Browser) -> None:
    text = seen(admin.get(LIST))
    assert f"Grades what comes in {NAME}" in text
    assert "the settings name it, and nobody has activated another" in text
    assert "photos of healthy faces with simulated palsy: 110 recordings of 60 people" in text
    assert "not for clinical use" in text
    assert "facialis bundle install FOLDER" in text
    assert "Roll back" not in text


@pytest.mark.journey
def test_a_bundle_is_activated_after_its_consequences_were_read_and_rolled_back(
    admin: Browser, engine: Engine, new: Bundle
) -> None:
    path = f"{LIST}/{new.id}/activate"
    asked = admin.get(path)
    text = seen(asked)
    assert "Gradings and reports of before stay as they are" in text
    assert 'name="seen" value="0"' in asked.text
    assert history(engine) == []
    assert admin.post(path, seen="0", reason="better <b>").headers["location"] == LIST
    assert history(engine) == [("new", "adam", "better <b>")]
    text = seen(admin.get(LIST))
    assert "activated by adam Reason better <b>" in text
    back = re.search(rf'href="({LIST}/\d+/activate)">Roll back to {re.escape(NAME)}', admin.get(LIST).text)
    assert back is not None
    assert f"Roll back to {NAME}" in seen(admin.get(back[1]))
    admin.post(back[1], seen="1")
    assert history(engine) == [(SERVED.name, "adam", ""), ("new", "adam", "better <b>")]
    with transaction(engine) as session:
        kinds = AuditSearch(kinds=(AuditEventKind.BUNDLE_ACTIVATED,))
        assert [event.actor for event in audit.find(session, kinds, 9)] == ["adam", "adam"]


def test_of_two_administrators_the_second_is_told_and_can_decide_again(
    admin: Browser, engine: Engine, new: Bundle
) -> None:
    path = f"{LIST}/{new.id}/activate"
    admin.post(path, seen="0")
    text = seen(admin.post(path, seen="0"), 422)
    assert "Somebody else activated a bundle meanwhile" in text
    assert "activated by adam" in text
    assert "Nothing was changed" in seen(admin.post(path, seen="1"), 422)
    assert "Nothing was changed" in seen(admin.post(path, seen="x"), 422)
    assert len(history(engine)) == 1


@pytest.mark.journey
def test_a_damaged_bundle_is_told_of_and_not_activated(
    admin: Browser, engine: Engine, storage: FolderStorage, new: Bundle
) -> None:
    weights = installed_folder(storage, new.hash) / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[1:])
    assert "The files of this bundle cannot be used" in seen(admin.get(f"{LIST}/{new.id}"))
    text = seen(admin.post(f"{LIST}/{new.id}/activate", seen="0"), 422)
    assert "were changed, or another version of Facialis wrote them" in text
    assert "is not the file the manifest describes" in text
    assert history(engine) == []
    admin.post("/account/language", language="de")
    assert "ist nicht die Datei, die das Manifest beschreibt: Bitte das" in seen(
        admin.get(f"{LIST}/{new.id}")
    )
    admin.post("/account/language", language="en")
    weights.write_bytes(whole)
    admin.post(f"{LIST}/{new.id}/activate", seen="0")
    admin.app.state.site = replace(admin.app.state.site, settings=Settings(data_dir=storage.root.parent))
    assert "bundle in order new 2 (" in seen(admin.get("/admin/health"))
    weights.unlink()
    assert "bundle look at it the files of bundle" in seen(admin.get("/admin/health"))
    assert "what comes in waits and is not graded" in seen(admin.get(LIST))
    assert "not in the data folder" in seen(admin.post(f"{LIST}/{new.id}/regrade"), 422)


def test_a_bundle_shows_its_errors_beside_those_of_the_median(admin: Browser, new: Bundle) -> None:
    answer = admin.get(f"{LIST}/{new.id}")
    text = seen(answer)
    one = next(e for e in SERVED.errors if (e.item, e.cohort, e.group) == ("R1", "phantoms", "patients"))
    assert f"R1 Resting brow height {one.recordings} {one.mae + 2:.1f}" in text
    assert answer.text.count('<svg class="plot errors"') == len(SERVED.training)
    # a panel for each item and sub-score, of predictions over labels and of differences
    assert answer.text.count('class="plot scatter"') == 2 * 14 * len(SERVED.training)
    assert "Predicted and given scores" in text
    assert "trained before single predictions were kept" not in text
    assert "static" in text
    assert "Licence of the weights Apache-2.0" in text
    assert "cross-validation in 11 parts, split by person" in text


def test_a_bundle_of_before_predictions_were_kept_says_so(
    admin: Browser, engine: Engine, storage: FolderStorage, tmp_path: Path, new: Bundle
) -> None:
    save_bundle(replace(SERVED, name="old", held_out=None), tmp_path)
    with transaction(engine) as session:
        old = activating.install(session, system("test"), storage, tmp_path).id
    text = seen(admin.get(f"{LIST}/{old}"))
    assert "trained before single predictions were kept" in text
    assert "Errors on photos of healthy faces with simulated palsy" in text
    assert 'class="plot scatter"' not in admin.get(f"{LIST}/compare?before={old}&after={new.id}").text


def test_two_bundles_are_laid_beside_each_other(admin: Browser, new: Bundle) -> None:
    text = seen(admin.get(f"{LIST}/compare?before=1&after={new.id}"))
    assert text.count("+2.0 larger") == 12 * len(SERVED.training)
    assert "Not measured on the same recordings" not in text
    assert text.count("Predicted and given scores") == len(SERVED.training)
    assert "There is none. Grade the archive with one of them" in text
    assert "−2.0 smaller" in seen(admin.get(f"{LIST}/compare?before={new.id}&after=1"))
    for asked in ("", "?before=1", "?before=1&after=x", "?before=1&after=99"):
        assert admin.get(f"{LIST}/compare{asked}").status_code == 404


@pytest.mark.journey
def test_bundles_of_earlier_formats_are_shown_with_what_they_tell(
    admin: Browser, ada: Recording, clinic: Clinic
) -> None:
    (old,) = clinic.session.query(Bundle)
    old.manifest = {key: said for key, said in old.manifest.items() if key != "uncertainties"}
    clinic.session.commit()
    text = seen(admin.get(f"{LIST}/{old.id}"))
    assert "it graded in the past" in text
    assert "Errors on a cohort without a name" in text
    assert "R1 Resting brow height – 17.0" in text
    assert "This bundle carries none." in text
    assert "not installed" in seen(admin.get(LIST))
    assert "Install it first" in seen(admin.get(f"{LIST}/{old.id}/activate"))
    text = seen(admin.get(f"{LIST}/compare?before={old.id}&after={old.id + 1}"))
    assert "not measured on a cohort of the same name" in text
    assert "not in the data folder" in seen(admin.post(f"{LIST}/{old.id}/activate", seen="0"), 422)


@pytest.mark.journey
def test_the_archive_is_graded_by_a_bundle_rests_goes_on_and_is_adopted(
    admin: Browser, engine: Engine, ada: Recording, clinic: Clinic, new: Bundle
) -> None:
    page = f"{LIST}/{new.id}"
    assert "2 graded recordings were not graded by this bundle" in seen(admin.get(page))
    assert "This is no day" in seen(admin.post(f"{page}/regrade", since="2024-99-01"), 422)
    assert admin.post(f"{page}/regrade", since="").headers["location"] == LIST
    assert "new 2" in seen(admin.get(LIST))
    admin.post(f"{LIST}/regradings/1/pause")
    assert "paused Go on" in seen(admin.get(LIST))
    admin.post(f"{LIST}/regradings/1/resume")
    with transaction(engine) as session:
        (run,) = regrading.running(session)
        assert Path(run.bundle_path).is_dir()
        while taken := regrading.take_next(session, run.id, 60):
            regrading.end(session, taken[0])
            save_grading(session, f"9.{taken[1]}", taken[1], new.id, result(60), (), beside=True)
        assert regrading.finish_if_done(session, run.id)
    assert "finished Compare and adopt" in seen(admin.get(LIST))
    assert "has ended meanwhile" in seen(admin.post(f"{LIST}/regradings/1/pause"), 422)
    text = seen(admin.get(f"{page}/adopt"))
    assert "In 2 recordings its grading will count" in text
    assert "2 now count as graded by commissioning 1" in text
    assert "R1 Resting brow height 2 55.0 60.0 +5.0 15.0" in text
    assert "new 2 count now in 2 recordings more" in seen(admin.post(f"{page}/adopt"))
    with Session(engine) as session:
        counting = session.query(Grading).filter_by(active=True)
        assert {grading.bundle.name for grading in counting} == {"new"}
        assert session.query(Regrading).one().state is RegradingState.FINISHED
    assert "Nothing is to be adopted" in seen(admin.get(f"{page}/adopt"))
    assert "has graded every recording that is graded" in seen(admin.get(page))
    with transaction(engine) as session:
        (told,) = audit.find(session, AuditSearch(kinds=(AuditEventKind.BUNDLE_ADOPTED,)), 9)
    assert (told.actor, told.detail["recordings"]) == ("adam", 2)


def test_when_the_bundle_of_the_settings_is_gone_the_list_says_so(
    engine: Engine, storage: FolderStorage, admin: Browser, tmp_path: Path
) -> None:
    admin.app.state.site = replace(admin.app.state.site, settings=Settings(bundle=tmp_path))
    assert "The bundle that the settings name cannot be read" in seen(admin.get(LIST))
    for path in ("99", "99/activate", "99/adopt"):
        assert admin.get(f"{LIST}/{path}").status_code == 404
