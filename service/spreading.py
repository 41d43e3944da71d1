"""Having Celery workers fill the cache that a command on a cohort reads.

The command leaves a job file in the cache folder, which the workers reach as well, and sends one message per
recording to the queue `features`. A worker leaves a mark beside the job file for each recording that it is
through with. The command watches the marks: where all messages were taken and a mark does not come, a worker
has died, and its recordings are sent again; a recording that is worked through twice costs only time. Then
the command goes over the cohort itself and finds its features in the cache. Only the photos that cannot be
used are looked at again, so that it can say why.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import Celery
from kombu.exceptions import OperationalError

from grading.bundle import BackboneId
from grading.cohort import Cohort, LabelledRecording
from grading.described_recipes import describe_recipe, restore_recipe
from grading.errors import PermanentError
from grading.features import Progress, lacking
from grading.recipes import Recipe
from service.queues import FEATURES
from service.running import broker_url
from service.settings import Settings

if TYPE_CHECKING:
    from grading.backbones import Backbone

TASK = "facialis.features"
DONE, FAILED = ".done", ".failed"
_LOOK_SECONDS = 0.5
_MOST_ROUNDS = 3


class SpreadError(PermanentError):
    """The workers cannot fill the cache."""

    code = "features.workers"


@dataclass(frozen=True)
class FeatureJob:
    """What workers need to know: the recordings' photos, what reads them, and which network.

    ``weights`` is the file to load it from, ``folder`` where its own weights are looked for; None as in
    `load_backbone`. The files lie at the same paths for all.
    """

    backbone: BackboneId
    weights: Path | None
    folder: Path | None
    recipe: Recipe
    recordings: tuple[LabelledRecording, ...]

    def write(self, path: Path) -> None:
        """Leave the job in a file."""
        content = {
            "backbone": asdict(self.backbone),
            "weights": _text(self.weights),
            "folder": _text(self.folder),
            "recipe": describe_recipe(self.recipe),
            "photos": [
                {pose: _text(one.photos[pose]) for pose in self.recipe.poses} for one in self.recordings
            ],
        }
        path.write_text(json.dumps(content), encoding="utf-8")


@lru_cache(maxsize=1)
def read_job(path: Path) -> FeatureJob:
    """The job of a file, its recordings without names and labels. Raises FileNotFoundError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return FeatureJob(
        BackboneId(**content["backbone"]),
        Path(content["weights"]) if content["weights"] else None,
        Path(content["folder"]) if content["folder"] else None,
        restore_recipe(content["recipe"]),
        tuple(
            LabelledRecording(str(number), "", "", False, None, {}, {k: Path(v) for k, v in photos.items()})
            for number, photos in enumerate(content["photos"])
        ),
    )


def spread(
    settings: Settings,
    cohort: Cohort,
    backbone: "Backbone",
    recipe: Recipe,
    cache: Path,
    *,
    weights: Path | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
    resend_seconds: float = 60,
) -> None:
    """Have workers fill ``cache`` with what ``recipe`` reads of a cohort, and wait until they are through.

    ``weights`` and ``folder`` are those that ``backbone`` was loaded with. ``progress`` counts photos.
    Where no mark came for ``resend_seconds`` and the queue is empty, what is open is sent again.

    Raises:
        NotRunningError: no broker is configured and no service runs here.
        SpreadError: the broker is away, a worker refuses, or recordings never come back.
    """
    todo = lacking(cohort, backbone, recipe, cache)
    if not todo:
        return
    app = Celery("facialis", broker=broker_url(settings), set_as_current=False)
    app.conf.broker_transport_options = {"socket_connect_timeout": 5, "socket_timeout": 30, "max_retries": 1}
    place = cache.resolve() / "jobs" / uuid4().hex
    place.mkdir(parents=True)
    try:
        job = FeatureJob(
            BackboneId(backbone.name, backbone.layer, backbone.weight_hash), weights, folder, recipe, todo
        )
        job.write(place / "job.json")

        def tell(done: int) -> None:
            if progress:
                progress(done * len(recipe.poses), len(todo) * len(recipe.poses))

        _wait(app, place, len(todo), tell, resend_seconds)
    except (OperationalError, OSError) as error:
        raise SpreadError(f"the broker or the cache went away ({error}): see to it and run again") from error
    finally:
        # Workers that still hold a message find no job and leave it.
        shutil.rmtree(place, ignore_errors=True)
        app.close()


def _wait(app: Celery, place: Path, count: int, tell: Callable[[int], None], resend_seconds: float) -> None:
    everything = set(range(count))
    _send(app, place, everything)
    through: set[int] = set()
    rounds, last = 0, time.monotonic()
    while len(through) < count:
        time.sleep(_LOOK_SECONDS)
        for refusal in place.glob(f"*{FAILED}"):
            raise SpreadError(f"a worker cannot fill the cache: {refusal.read_text(encoding='utf-8')}")
        marks = {int(mark.stem) for mark in place.glob(f"*{DONE}")}
        if marks != through:
            through, rounds, last = marks, 0, time.monotonic()
            tell(len(through))
        elif time.monotonic() - last > resend_seconds and not _length(app):
            rounds += 1
            if rounds > _MOST_ROUNDS:
                raise SpreadError(
                    f"{count - len(through)} recordings were sent to the workers time and again and none "
                    f"came back: see that the workers reach {place.parents[1]} and the photos under the same "
                    "paths, look into their logs, or run without --workers"
                )
            _send(app, place, everything - through)
            last = time.monotonic()


def _send(app: Celery, place: Path, numbers: Iterable[int]) -> None:
    for number in sorted(numbers):
        app.send_task(TASK, args=[str(place / "job.json"), number], queue=FEATURES, retry=False)


def _length(app: Celery) -> int:
    """How many messages no worker has taken yet."""
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        try:
            return int(channel.queue_declare(FEATURES, passive=True).message_count)
        except connection.channel_errors:  # Redis forgets a queue that is empty
            return 0


def _text(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None
