"""From a backbone's name to a network that runs: find its weights, check them, cut it."""

from pathlib import Path

import torch

from grading.backbones.architectures import ARCHITECTURES
from grading.backbones.backbone import Backbone, Precision
from grading.weights import SOURCES, UnknownBackboneError, WeightsError, fetch, find, recorded_origin
from grading.weights.states import hash_state, read_state


def load_backbone(
    name: str,
    layer: str | None = None,
    *,
    weights: Path | None = None,
    folder: Path | None = None,
    device: str | None = None,
    precision: Precision = "float32",
) -> Backbone:
    """A backbone cut at ``layer`` (its default layer if None), ready to run.

    ``weights`` is a state dict file (`.pth` or `.safetensors`) to use in place of the backbone's own weights.
    Those are looked for in ``folder`` (PyTorch's own cache if None) and downloaded to it where they are not
    there. ``device`` is a torch device; by default CUDA where there is one, else the CPU.

    Raises `UnknownBackboneError`, `WeightsError`, and `DownloadError` where the network's own weights have
    to be fetched and cannot.
    """
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise UnknownBackboneError(f"there is no backbone {name}: choose one of {', '.join(ARCHITECTURES)}")
    layer = layer or architecture.default_layer
    if layer not in architecture.layers:
        raise UnknownBackboneError(f"{name} has no layer {layer}: it has {', '.join(architecture.layers)}")
    file = weights or _own_weights(name, folder or Path(torch.hub.get_dir()) / "checkpoints")
    made_for = recorded_origin(file).get("backbone", name)
    if made_for != name:
        raise WeightsError(
            f"{file.name} holds weights of {made_for}, not of {name}: give the file that fits it"
        )
    state = architecture.select(read_state(file))
    try:
        network = architecture.build(state, layer)
    except RuntimeError as error:
        raise WeightsError(
            f"{file.name} does not hold weights of {name}: give the file that fits it"
        ) from error
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Backbone(
        name, layer, network, hash_state(state), architecture.mean, architecture.std, chosen, precision
    )


def _own_weights(name: str, folder: Path) -> Path:
    source = SOURCES[name]
    file = find(source, folder)
    if file is None and source.url is None:
        raise WeightsError(
            f"there are no weights of {name} in {folder}: get its file from its publisher and take it in "
            f"with `facialis weights import {name} FILE`, or name a weights file"
        )
    return file or fetch(source, folder)
