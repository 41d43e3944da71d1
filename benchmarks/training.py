"""Cross-validation of a large cohort, against scikit-learn's linear SVR on the raw features in the same run.

`python -m benchmarks.training [--recordings N] [--largest N] [--whole-peer]`. 12 items x 5 layers x 11 folds
on features of the size of VGG-16's Conv5-3, by the paper's recipe and the product's own code. The features
are drawn with a known linear signal for each item, and lie in memory-mapped files of a temporary folder
(2.4 GB for 1,000 recordings). One drawn layer is worked through five times, each time from its Gram matrices
on.

The peer is `SVR(kernel="linear")` with the same C and epsilon. One fit and prediction, of one item in one
fold, is timed on a sixteenth of the channels and multiplied by 16 and by the number of fits: its time goes
into inner products, whose cost is proportional to the number of features (measured on half as many beside
it). With --whole-peer that fit is made on all channels and multiplied by the number of fits only.

How time grows is measured for one item at one layer, up to --largest recordings (at 10,000: 4 GB on disk,
about 3 GB of memory, some ten minutes). Seconds are wall-clock; "cpu" adds up what all cores did, which other
programs on the machine change less. The last line is JSON.
"""

import argparse
import json
import resource
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.svm import SVR

from benchmarks.timing import Spent, timed
from grading.cohort import Cohort, LabelledRecording
from grading.crossvalidation import CrossValidation, Trials, cross_validate
from grading.features import CohortMaps
from grading.maps import Maps
from grading.recipes import Recipe, paper
from grading.regression import Floats, Target, fit, size
from grading.scales import PREDICTED_ITEMS, Item

LAYERS = 5
CHANNELS, SIDE = 512, 14
SHARE = 16
"""The peer sees one in so many channels."""
R1 = PREDICTED_ITEMS[:1]


def draw(folder: Path, recordings: int, recipe: Recipe, items: tuple[Item, ...]) -> tuple[Cohort, CohortMaps]:
    """A cohort of two recordings per person, every fifth person healthy, whose features follow its labels."""
    rng = np.random.default_rng(recordings)
    shape = (recordings, len(recipe.poses), 1, CHANNELS, SIDE, SIDE)
    network = np.lib.format.open_memmap(folder / f"{recordings}.npy", "w+", np.float32, shape)
    truth = rng.standard_normal((recordings, len(items)), dtype=np.float32)
    signals = 0.3 * rng.standard_normal((len(items), *shape[3:]), dtype=np.float32)
    places = [recipe.poses.index(item.poses[0]) for item in items]
    for row in range(recordings):
        activations = rng.standard_normal(shape[1:], dtype=np.float32)
        for place, signal, factor in zip(places, signals, truth[row], strict=True):
            activations[place, 0] += factor * signal
        network[row] = np.maximum(activations, 0)
    rows = tuple(
        LabelledRecording(
            f"S{row}", "1", f"p{row // 2}", row // 2 % 5 == 0, None,
            {
                item.id: float(np.clip(item.low + item.span * (0.5 + value / 5), item.low, item.high))
                for item, value in zip(items, truth[row], strict=True)
            },
            {},
        )
        for row in range(recordings)
    )  # fmt: skip
    usable = np.ones((recordings, len(recipe.poses)), dtype=np.bool_)
    return Cohort("drawn", "features drawn for a benchmark", rows), CohortMaps(
        Maps(recipe.poses, network), usable, ()
    )


@contextmanager
def watched_memory() -> Iterator[Callable[[], int]]:
    """Watch this process's own memory (without mapped files); gives its peak in MB."""
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.05):
            lines = Path("/proc/self/status").read_text().splitlines()
            (held,) = (int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
            peak = max(peak, held // 1024)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: peak
    finally:
        over.set()
        thread.join()


def fit_peer(
    maps: CohortMaps, results: CrossValidation, recipe: Recipe, channels: int
) -> tuple[Spent, Floats]:
    """One item of one fold learned and predicted on raw features; the time it took and the scores."""
    item, result = R1[0], results.items[R1[0].id]
    place = maps.maps.poses.index(item.poses[0])
    features = maps.maps.network[:, place, 0, :channels].reshape(len(maps.maps), -1).astype(np.float64)
    features /= np.sqrt((features[result.fold > 0] ** 2).sum(axis=1).mean())
    settings = recipe.regression
    peer = SVR(kernel="linear", C=settings.c, epsilon=settings.epsilon)
    labels = (result.labels - item.low) / item.span
    scores: Floats = np.empty(0)

    def learn_and_predict() -> None:
        nonlocal scores
        peer.fit(features[result.fold > 0], labels[result.fold > 0])
        scores = peer.predict(features[result.fold == 0]) * item.span + item.low

    return timed(learn_and_predict), np.clip(scores, item.low, item.high)


def precision(maps: CohortMaps, results: CrossValidation, recipe: Recipe) -> tuple[float, float]:
    """What float32 sums change: the largest error of a Gram matrix over its mean diagonal, and of a score."""
    item, result = R1[0], results.items[R1[0].id]
    few = np.arange(min(300, len(maps.maps)))
    place = maps.maps.poses.index(item.poses[0])
    features = maps.maps.network[few, place, 0].reshape(len(few), -1)
    exact = features.astype(np.float64) @ features.astype(np.float64).T
    sums = (features @ features.T).astype(np.float64)
    scores = [
        fit(kernel, result.labels[few], Target(item.low, item.high), recipe.regression).predict(kernel)
        for kernel in (exact, sums)
    ]
    return float(np.abs(exact - sums).max() / size(exact)), float(np.abs(scores[0] - scores[1]).max())


def grown(folder: Path, recordings: int) -> dict[str, float]:
    """Seconds of one item at one layer with so many recordings."""
    recipe = paper(R1)
    cohort, maps = draw(folder, recordings, recipe, R1)
    trials = Trials([cohort], maps, recipe)
    gram = timed(lambda: trials.kernels.block(recipe.blocks[R1[0].id][0]))
    fits = timed(lambda: cross_validate(trials, ("drawn", "conv5_3")))
    (folder / f"{recordings}.npy").unlink()
    return {
        "recordings": recordings,
        "gram_seconds": round(gram.wall, 2),
        "gram_cpu_seconds": round(gram.cpu, 2),
        "folds_seconds": round(fits.wall, 2),
        "folds_cpu_seconds": round(fits.cpu, 2),
    }


def main() -> None:
    """Measure and print a table, then one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--largest", type=int, default=3000, help="most recordings of the growth")
    parser.add_argument("--whole-peer", action="store_true", help="the peer sees all channels")
    parser.add_argument("--folder", type=Path, help="where the features are put; else the system's own")
    arguments = parser.parse_args()
    recipe = paper()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name, watched_memory() as peak:
        folder = Path(name)
        # the first import of scikit-learn and the first use of BLAS are not the cohort's
        grown(folder, 100)
        cohort, maps = draw(folder, arguments.recordings, recipe, PREDICTED_ITEMS)
        results: list[CrossValidation] = []

        def every_layer() -> None:
            results.extend(
                cross_validate(Trials([cohort], maps, recipe), ("drawn", "conv5_3")) for _ in range(LAYERS)
            )

        ours = timed(every_layer)
        own, whole = peak(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        miss = [np.abs(one.predicted - one.labels).mean() for one in results[0].items.values()]
        median = [np.abs(one.median_all - one.labels).mean() for one in results[0].items.values()]

        few = CHANNELS // SHARE
        peer, scores = fit_peer(maps, results[0], recipe, few)
        half, _ = fit_peer(maps, results[0], recipe, few // 2)
        cut = CohortMaps(Maps(recipe.poses, maps.maps.network[:, :, :, :few]), maps.usable, ())
        same = cross_validate(Trials([cohort], cut, paper(R1)), ("drawn", "few")).items[R1[0].id]
        agreement = float(np.abs(same.predicted[same.fold == 0] - scores).max())
        factor = SHARE
        if arguments.whole_peer:
            peer, _ = fit_peer(maps, results[0], recipe, CHANNELS)
            factor = 1
        gram_error, score_error = precision(maps, results[0], recipe)
        (folder / f"{arguments.recordings}.npy").unlink()
        sizes = [count for count in (100, 300, 1000, 3000, 10_000) if count <= arguments.largest]
        growth = [grown(folder, count) for count in sizes]
    fits = len(recipe.blocks) * LAYERS * results[0].folds
    figures = {
        "benchmark": "training",
        "recordings": arguments.recordings,
        "features": CHANNELS * SIDE * SIDE,
        "fits": fits,
        "seconds": round(ours.wall, 1),
        "cpu_seconds": round(ours.cpu, 1),
        "peer_seconds_extrapolated": round(peer.wall * factor * fits),
        "peer_cpu_seconds_extrapolated": round(peer.cpu * factor * fits),
        "times_faster": round(peer.wall * factor * fits / ours.wall, 1),
        "times_faster_cpu": round(peer.cpu * factor * fits / ours.cpu, 1),
        "peer_times_for_twice_the_features": None if arguments.whole_peer else round(peer.cpu / half.cpu, 2),
        "largest_difference_to_peer_points": round(agreement, 3),
        "float32_gram_error": float(f"{gram_error:.1e}"),
        "float32_score_error_points": float(f"{score_error:.1e}"),
        "error_points": round(float(np.mean(miss)), 1),
        "median_error_points": round(float(np.mean(median)), 1),
        "own_memory_peak_mb": own,
        "memory_peak_with_mapped_files_mb": whole,
        "growth": growth,
    }
    for key, value in figures.items():
        print(f"{key:34} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
