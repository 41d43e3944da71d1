"""How fast photos are received, side by side with DCMTK's storescp and Orthanc, on loopback in one run.

Every server runs with TCP_NODELAY: without it DCMTK and Orthanc pause some 45 ms for each object, which hides
everything else. The sender is DCMTK's storescu, alone and eight at once. Facialis is the receiver with its
intake over a PostgreSQL of its own, without workers. Each server takes a few photos before it is measured
(``--before``), since one in a hospital has been running for weeks. What each has flushed when it answers is
counted with strace (``--flushes``), in a short run of its own since strace slows everything down.

The last line is one JSON object. ``of_orthanc`` and ``of_storescp`` are ratios of objects per second.
"""

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.receiving.measuring import flushes, measure, send
from benchmarks.receiving.photos import make_large, make_photos
from benchmarks.receiving.servers import SERVERS

SENDERS = (1, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=1, help="all in turn so often; the median counts")
    parser.add_argument("--before", type=int, default=40, help="photos sent first, uncounted")
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--large", type=int, default=0, help="also one object of so many megabytes")
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2], help="of our receiver")
    parser.add_argument("--servers", nargs="*", default=list(SERVERS), choices=list(SERVERS))
    parser.add_argument("--flushes", action="store_true")
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="receive-"))
    scratch.chmod(0o711)
    runs: dict[str, list[dict[str, float]]] = {}
    try:
        for senders in SENDERS * options.repeats:
            for name in options.servers:
                for processes in options.processes if name == "facialis" else [1]:
                    label = f"{name}{f' x{processes}' if processes > 1 else ''}, {senders} senders"
                    folder = Path(tempfile.mkdtemp(dir=scratch))
                    folder.chmod(0o711)
                    (folder / "photos").mkdir()
                    count = options.before + options.photos
                    paths = make_photos(folder / "photos", count, options.megabytes)
                    with SERVERS[name](folder, processes=processes) as server:
                        send(server, paths[: options.before], senders)
                        found = measure(server, paths[options.before :], senders)
                        if options.large and senders == 1 and processes == 1:
                            large = make_large(folder / "photos", options.large)
                            send(server, [large], 1, "-xe")
                            found["peak_memory_after_large_mb"] = round(server.peak_memory_mb(), 1)
                    shutil.rmtree(folder, ignore_errors=True)
                    runs.setdefault(label, []).append(found)
                    print(label, found, flush=True)
        figures = {
            label: {name: round(statistics.median(one[name] for one in found), 1) for name in found[0]}
            for label, found in runs.items()
        }
        if options.flushes:
            (scratch / "few").mkdir()
            few = make_photos(scratch / "few", 27, options.megabytes)
            for name in options.servers:
                figures[f"{name}, 1 senders"] |= flushes(name, scratch, few)
                print(name, figures[f"{name}, 1 senders"], flush=True)
        ratios = {}
        for senders in SENDERS:
            best = max(
                (
                    value["objects_per_second"]
                    for label, value in figures.items()
                    if label.startswith("facialis") and label.endswith(f", {senders} senders")
                ),
                default=0.0,
            )
            for other in ("orthanc", "storescp"):
                if peer := figures.get(f"{other}, {senders} senders"):
                    ratios[f"of_{other}, {senders} senders"] = round(best / peer["objects_per_second"], 2)
        print(
            json.dumps(
                {"photos": options.photos, "megabytes": options.megabytes, **ratios, "servers": figures}
            )
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
