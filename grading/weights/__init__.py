"""Where the backbones' weights come from, and how they get into the folder that `load_backbone` looks in.

`docs/weights.md` tells a site what to do. Nothing here imports PyTorch before a file has to be read with it.
"""

from grading.weights.errors import DownloadError, UnknownBackboneError, WeightsError
from grading.weights.fetching import fetch
from grading.weights.importing import import_weights, recorded_origin
from grading.weights.sources import SOURCES, Source, find, hash_fits, sha256_of

__all__ = [
    "SOURCES",
    "DownloadError",
    "Source",
    "UnknownBackboneError",
    "WeightsError",
    "fetch",
    "find",
    "hash_fits",
    "import_weights",
    "recorded_origin",
    "sha256_of",
]
