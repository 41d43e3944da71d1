"""A cohort's features through a real Redis and real worker processes, some of which die."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import redis
from PIL import Image
from pydantic import SecretStr

from grading.backbones import Backbone, load_backbone
from grading.cohort import Cohort, read_cohort
from grading.features import cohort_maps, lacking
from grading.framing import PREPROCESSING
from grading.phantom import draw_series, phantom_patient
from grading.recipes import Block, Recipe
from grading.regression import Regression
from service.embedded.account import service_account
from service.embedded.redis import EmbeddedRedis
from service.queues import FEATURES as QUEUE
from service.settings import Settings
from service.spreading import DONE, SpreadError, spread
from workers.features import fill_cache

pytestmark = pytest.mark.journey

BLOCKS = (Block("network", "whole", {"REST": 1.0}), Block("movement", "whole", {"BROW": 1.0, "SMILE": 1.0}))
RECIPE = Recipe("three photos", PREPROCESSING, {"R1": BLOCKS}, Regression())
RECORDINGS = 6


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedRedis]:
    folder = Path(tempfile.mkdtemp(prefix="facialis-test-", dir="/tmp"))
    folder.chmod(0o711)
    server = EmbeddedRedis(folder / "redis", service_account())
    server.prepare()
    process = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not server.ready():
        assert process.poll() is None
        assert time.monotonic() < deadline, "Redis did not start"
        time.sleep(0.05)
    yield server
    process.terminate()
    process.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(broker: EmbeddedRedis) -> Settings:
    """Settings of a command whose broker's queues are empty."""
    with redis.Redis(unix_socket_path=str(broker.socket)) as client:
        client.flushall()
    return Settings(broker_url=SecretStr(broker.url()))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("efficientnet-lite0", "block14")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """One drawn face in different light; the first recording lacks a face in one photo."""
    folder = tmp_path_factory.mktemp("cohort")
    patient = phantom_patient(3)
    drawn = draw_series(patient, patient.recordings[0])
    rows = ["subject,session,group,R1"]
    for number in range(RECORDINGS):
        place = folder / f"P{number}" / "1"
        place.mkdir(parents=True)
        for file, photo in enumerate(drawn.values(), start=1):
            image = Image.fromarray((photo * (0.7 + 0.03 * number)).astype(np.uint8)).reduce(2)
            image.save(place / f"{file}.png", compress_level=1)
        rows.append(f"P{number},1,palsy,{100 + number}")
    Image.new("RGB", (300, 300)).save(folder / "P0" / "1" / "1.png")
    (folder / "labels.csv").write_text("\n".join(rows))
    return read_cohort(folder)


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has a broker and no database."""
    assert settings.broker_url is not None
    broker = settings.broker_url.get_secret_value()
    return {
        **os.environ, "FACIALIS_BROKER_URL": broker, "FACIALIS_DATA_DIR": str(tmp_path / "data")
    }  # fmt: skip


@pytest.fixture
def start_worker(environment: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start a worker of the queue as a user would."""
    with ExitStack() as started:

        def start() -> subprocess.Popen[bytes]:
            worker = subprocess.Popen(
                [sys.executable, "-m", "service", "worker", "--queue", QUEUE], env=environment
            )
            started.callback(worker.wait, 30)
            started.callback(worker.send_signal, signal.SIGTERM)
            return worker

        yield start


@pytest.mark.journey
def test_workers_fill_the_cache_and_one_that_is_killed_loses_nothing(
    settings: Settings,
    cohort: Cohort,
    backbone: Backbone,
    start_worker: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    victim = start_worker()
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 1:
            # it holds another message by now, which Redis would hand out again after an hour
            victim.send_signal(signal.SIGKILL)
            start_worker()

    spread(settings, cohort, backbone, RECIPE, cache, progress=tell, resend_seconds=4)

    assert victim.wait() == -signal.SIGKILL
    photos = RECORDINGS * len(RECIPE.poses)
    assert told[-1] == (photos, photos)
    assert told[0][0] < photos
    # the photo without a face is the only thing that the command has to look at itself
    assert lacking(cohort, backbone, RECIPE, cache) == cohort.recordings[:1]
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    found = cohort_maps(cohort, backbone, RECIPE, cache=cache)
    assert [(photo.subject, photo.pose) for photo in found.unusable] == [("P0", "REST")]
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")} == kept
    assert list((cache / "jobs").iterdir()) == []


@pytest.mark.journey
def test_a_worker_with_other_weights_refuses(
    settings: Settings,
    cohort: Cohort,
    start_worker: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    other = load_backbone("efficientnet-lite0", "block14")
    other.weight_hash = "0" * 64
    start_worker()
    with pytest.raises(SpreadError, match="give both the same weights file"):
        spread(settings, cohort, other, RECIPE, tmp_path / "cache")


def test_recordings_that_never_come_back_end_the_wait(
    settings: Settings, broker: EmbeddedRedis, cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    ended = threading.Event()

    def swallow() -> None:
        """A worker that takes every message and does nothing."""
        with redis.Redis(unix_socket_path=str(broker.socket)) as client:
            while not ended.wait(0.05):
                client.delete(QUEUE)

    thread = threading.Thread(target=swallow)
    thread.start()
    try:
        with pytest.raises(SpreadError, match=r"6 recordings .* none came back: see that .*/cache"):
            spread(settings, cohort, backbone, RECIPE, tmp_path / "cache", resend_seconds=0.2)
    finally:
        ended.set()
        thread.join()


def test_a_broker_that_is_away_is_named(cohort: Cohort, backbone: Backbone, tmp_path: Path) -> None:
    away = Settings(broker_url=SecretStr("redis://127.0.0.1:1/0"))
    with pytest.raises(SpreadError, match="the broker or the cache went away"):
        spread(away, cohort, backbone, RECIPE, tmp_path / "cache")
    assert list((tmp_path / "cache" / "jobs").iterdir()) == []


def test_messages_of_a_command_that_ended_and_repeated_ones_are_left(tmp_path: Path) -> None:
    job = tmp_path / "cache" / "jobs" / "ended" / "job.json"
    fill_cache(str(job), 0)
    assert not job.parent.exists()
    job.parent.mkdir(parents=True)
    job.write_text("not read, since the recording is done")
    job.with_name(f"0{DONE}").touch()
    fill_cache(str(job), 0)
    assert sorted(path.name for path in job.parent.iterdir()) == ["0.done", "job.json"]


def test_where_nothing_lacks_no_worker_is_asked(cohort: Cohort, backbone: Backbone, tmp_path: Path) -> None:
    whole = Cohort("", "", cohort.recordings[1:3])
    cohort_maps(whole, backbone, RECIPE, cache=tmp_path)
    spread(Settings(broker_url=SecretStr("redis://127.0.0.1:1/0")), whole, backbone, RECIPE, tmp_path)


@pytest.mark.journey
def test_the_commands_wait_for_the_workers_and_go_on(
    environment: dict[str, str],
    cohort: Cohort,
    start_worker: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    folder = cohort.recordings[0].photos["REST"].parents[2]

    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service", *map(str, arguments)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    start_worker()
    bundle, cache = tmp_path / "bundle", tmp_path / "cache"
    spread_over = ("--workers", "--cache", cache)
    trained = command("train", folder, "--out", bundle, "--recipe", "paper", *spread_over)
    assert trained.returncode == 0, trained.stderr
    assert "photos go to the workers of the queue features" in trained.stderr
    assert "left out P0/1 REST" in trained.stderr
    again = command("train", folder, "--out", tmp_path / "again", "--recipe", "paper", "--cache", cache)
    assert again.returncode == 0, again.stderr
    manifests = [(place / "manifest.json").read_bytes() for place in (bundle, tmp_path / "again")]
    assert manifests[0] == manifests[1]
    predicted = command("predict", bundle, folder, "--out", tmp_path / "table.csv", *spread_over)
    assert predicted.returncode == 0, predicted.stderr
    assert f"{RECORDINGS} recordings in" in predicted.stdout
    evaluated = command(
        "evaluate", folder, "--out", tmp_path / "tables", "--recipe", "paper", "--repeats", "0",
        "--bootstrap", "0", *spread_over,
    )  # fmt: skip
    assert evaluated.returncode == 0, evaluated.stderr
    refused = command("predict", bundle, folder, "--out", tmp_path / "table.csv", "--workers")
    assert refused.returncode == 1
    assert "--workers needs --cache" in refused.stderr
