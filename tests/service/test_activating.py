"""Installing, activating and going back, as rows and files; the pages are tested in test_bundle_pages.py.

What workers make of it is tested in tests/workers/test_activation.py.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.exc import IntegrityError

from grading.bundle import (
    COMMISSIONING_BUNDLE,
    MANIFEST,
    WEIGHTS,
    DamagedBundleError,
    load_bundle,
    save_bundle,
)
from grading.errors import FacialisError
from service import activating, cli
from service.bundles import NotInstalledError, installed_bundle, installed_folder, is_installed, weights_for
from service.database import transaction
from service.records import activations, audit
from service.records.activations import ActivatedMeanwhileError, AlreadyActiveError, NothingToRollBackError
from service.records.audit import AuditSearch, system
from service.records.audit_events import AuditEventKind
from service.records.models import Bundle, BundleActivation
from service.settings import Settings, load_settings
from service.storage import FolderStorage

EVA = system("eva")
SETTINGS = Settings()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another bundle than the one of the settings."""
    folder = tmp_path_factory.mktemp("new")
    save_bundle(replace(load_bundle(COMMISSIONING_BUNDLE), name="new", version="2"), folder)
    return folder


@pytest.fixture
def new(engine: Engine, storage: FolderStorage, folder: Path) -> Bundle:
    """That bundle, installed."""
    with transaction(engine) as session:
        return activating.install(session, EVA, storage, folder)


def activate(engine: Engine, storage: FolderStorage, bundle: Bundle, **how: object) -> BundleActivation:
    with transaction(engine) as session:
        return activating.activate(session, EVA, storage, SETTINGS, bundle, **how)  # type: ignore[arg-type]


def now(engine: Engine) -> str:
    with transaction(engine) as session:
        found = activating.grading_now(session, SETTINGS)
        assert found is not None
        return found.name


def test_what_is_installed_is_a_copy_and_does_not_grade_yet(
    engine: Engine, storage: FolderStorage, new: Bundle
) -> None:
    assert installed_bundle(storage, new.hash).name == "new"
    assert now(engine) == "commissioning"
    with transaction(engine) as session:
        assert activations.history(session) == []
        (told,) = audit.find(session, AuditSearch(kinds=(AuditEventKind.BUNDLE_INSTALLED,)), 9)
    assert told.detail == {"bundle": new.hash}


def test_activating_and_going_back_is_kept_with_who_did_it_and_why(
    engine: Engine, storage: FolderStorage, new: Bundle
) -> None:
    activate(engine, storage, new, reason=" better at M4 ")
    assert now(engine) == "new"
    with transaction(engine) as session:
        activating.roll_back(session, EVA, storage, SETTINGS)
    assert now(engine) == "commissioning"
    with transaction(engine) as session:
        back, first = activations.history(session)
        assert (first.bundle.name, first.actor, first.reason) == ("new", "eva", "better at M4")
        assert first.replaced is not None
        assert first.replaced.name == back.bundle.name == "commissioning"
        assert (first.active, back.active) == (False, True)
        assert first.ended_at is not None
        assert first.ended_at <= back.activated_at
        newest, oldest = audit.find(session, AuditSearch(kinds=(AuditEventKind.BUNDLE_ACTIVATED,)), 9)
    assert oldest.detail == {"bundle": new.hash, "replaced": back.bundle.hash, "reason": "better at M4"}
    assert newest.detail["replaced"] == new.hash


@pytest.mark.journey
def test_what_is_replaced_is_kept_so_that_one_can_go_back_after_an_update(
    engine: Engine, storage: FolderStorage, new: Bundle, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    save_bundle(replace(load_bundle(COMMISSIONING_BUNDLE), name="own"), own)
    settings = Settings(bundle=own)
    with transaction(engine) as session:
        activating.activate(session, EVA, storage, settings, new)
    (own / MANIFEST).unlink()
    with transaction(engine) as session:
        back = activating.roll_back(session, EVA, storage, settings)
        assert installed_bundle(storage, back.bundle.hash).name == "own"


def test_one_activates_when_the_bundle_of_the_settings_is_gone(
    engine: Engine, storage: FolderStorage, new: Bundle, tmp_path: Path
) -> None:
    settings = Settings(bundle=tmp_path / "gone")
    with transaction(engine) as session:
        assert activating.grading_now(session, settings) is None
        made = activating.activate(session, EVA, storage, settings, new)
        assert made.replaced_key is None
        with pytest.raises(NothingToRollBackError):
            activating.roll_back(session, EVA, storage, settings)


def test_the_active_one_is_not_activated_again(engine: Engine, storage: FolderStorage, new: Bundle) -> None:
    activate(engine, storage, new)
    with pytest.raises(AlreadyActiveError, match="new 2 grades already"):
        activate(engine, storage, new)
    with transaction(engine) as session:
        assert len(activations.history(session)) == 1


def garble(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"other")


def age(folder: Path) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | {"format": 2}))


def lose(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def exchange(folder: Path) -> None:
    save_bundle(load_bundle(COMMISSIONING_BUNDLE), folder)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (garble, DamagedBundleError, "not the file the manifest describes"),
        (age, DamagedBundleError, "not of format 4: update Facialis"),
        (lose, NotInstalledError, "facialis bundle install FOLDER"),
        (exchange, NotInstalledError, "were exchanged for those of"),
    ],
)
def test_files_that_are_gone_or_damaged_are_not_activated(
    engine: Engine,
    storage: FolderStorage,
    new: Bundle,
    spoil: Callable[[Path], None],
    error: type[FacialisError],
    said: str,
) -> None:
    spoil(installed_folder(storage, new.hash))
    with pytest.raises(error, match=said):
        activate(engine, storage, new)
    assert now(engine) == "commissioning"


def test_a_folder_without_a_bundle_is_not_installed(
    engine: Engine, storage: FolderStorage, tmp_path: Path
) -> None:
    with pytest.raises(DamagedBundleError, match="is no bundle"), transaction(engine) as session:
        activating.install(session, EVA, storage, tmp_path)
    with transaction(engine) as session:
        assert session.query(Bundle).count() == 0


def test_of_two_administrators_at_once_the_second_is_told(
    engine: Engine, storage: FolderStorage, new: Bundle
) -> None:
    told: list[FacialisError] = []

    def other() -> None:
        try:
            activate(engine, storage, new, seen=0)
        except FacialisError as error:
            told.append(error)

    thread = threading.Thread(target=other)
    with transaction(engine) as session:
        activating.activate(session, EVA, storage, SETTINGS, new, seen=0)
        # The other one waits for this transaction, and sees what came of it.
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
    thread.join(20)
    (error,) = told
    assert isinstance(error, ActivatedMeanwhileError)
    assert "meanwhile eva activated what grades now" in str(error)
    with transaction(engine) as session:
        assert len(activations.history(session)) == 1


def test_the_weights_of_the_settings_are_for_bundles_of_the_same_network(tmp_path: Path) -> None:
    served, weights = load_bundle(COMMISSIONING_BUNDLE), tmp_path / "weights.safetensors"
    other = replace(served, backbone=replace(served.backbone, name="vgg16"))
    assert weights_for(served, Settings(weights=weights)) == weights
    assert weights_for(other, Settings(weights=weights)) is None
    assert weights_for(served, Settings(weights=weights, bundle=tmp_path)) is None


def test_the_database_knows_one_active_bundle(engine: Engine, storage: FolderStorage, new: Bundle) -> None:
    activate(engine, storage, new)
    second = {"bundle_key": new.id, "active": True, "actor_kind": "user", "actor": "x"}
    with pytest.raises(IntegrityError, match="uq_bundle_activation_active"), transaction(engine) as session:
        session.execute(insert(BundleActivation).values(second))


@pytest.mark.journey
def test_bundles_are_installed_activated_and_rolled_back_by_command(
    engine: Engine,
    database_url: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    monkeypatch.setenv("FACIALIS_DATA_DIR", str(tmp_path))
    load_settings.cache_clear()

    def run(*arguments: object, status: int = 0) -> str:
        monkeypatch.setattr("sys.argv", ["facialis", "bundle", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert (ended.value.code or 0) == status
        out, err = capsys.readouterr()
        return out + err

    assert "none was activated" in run("history")
    assert "is installed; facialis bundle activate lets it grade" in run("install", folder)
    installed, served = json.loads(run("list", "--json"))[::-1], load_bundle(COMMISSIONING_BUNDLE)
    assert [(one["name"], one["active"], one["installed"]) for one in installed] == [
        ("new", False, True),
        (served.name, True, False),
    ]
    assert "grades what comes in from now on" in run(
        "activate", installed[0]["hash"][:12], "--reason", "a try"
    )
    assert "grades already" in run("activate", installed[0]["hash"], status=1)
    assert f"{served.name} {served.version}" in run("rollback")
    back, first = json.loads(run("history", "--json"))
    assert (first["bundle"], first["reason"], back["hash"]) == ("new 2", "a try", served.hash)
    assert back["by"].startswith("command line (")
    assert "active" in run("list")
    assert is_installed(FolderStorage(tmp_path / "files"), served.hash)
    load_settings.cache_clear()
