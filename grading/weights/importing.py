"""Takes weights that a site brings as a file into the weights folder, checked and in one format.

VGG-Face (Parkhi, Vedaldi and Zisserman 2015) is published as a Caffe, a Torch7 and a PyTorch file. What is
kept is one safetensors file of the thirteen convolutions under torchvision's VGG-16 keys, for RGB input.

The channel orders below are those in which the published examples feed their networks, as copies of them
show; the files themselves could not be looked at, so this is provisional:

* Caffe: pixels less the mean, then `img(:,:,[3,2,1])`, "convert from RGB to BGR" (po0ya/tensorflow_vgg_face).
* Torch7: `im:index(1, torch.LongTensor{3,2,1})`, the result named `im_bgr`, likewise.
* PyTorch (`vgg_face_dag`, converted from MatConvNet): the mean (129.186, 104.762, 93.594), red first.
"""

import mmap
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from grading.weights.caffe import read_caffe
from grading.weights.errors import WeightsError
from grading.weights.sources import VGG_FACE, Source, hash_fits, sha256_of
from grading.weights.torch7 import TorchObject, TorchTensor, read_torch7

Layers = Mapping[str, list[NDArray[np.float32]]]
"""By a layer's published name, for instance `conv1_1`, its weight and its bias."""

_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def _convolutions() -> dict[str, tuple[str, tuple[int, int, int, int]]]:
    """By published name: torchvision's key and the weight's shape (out, in, 3, 3)."""
    found = {}
    place, channels = 0, 3
    for block, (count, width) in enumerate(_BLOCKS, start=1):
        for number in range(1, count + 1):
            found[f"conv{block}_{number}"] = f"features.{place}", (width, channels, 3, 3)
            place, channels = place + 2, width  # a ReLU follows each convolution
        place += 1  # the block's pooling
    return found


CONVOLUTIONS = _convolutions()
_CLASSIFIER = "fc8"
_PEOPLE = 2622
"""VGG-Face tells so many people apart; ImageNet's VGG, otherwise of the same shapes, 1000 things."""


def import_weights(source: Source, path: Path, folder: Path) -> Path:
    """Take a file into the weights folder and return where it lies there.

    A VGG-Face file is converted, its name and SHA-256 recorded in the new one (`recorded_origin`); a file
    that was downloaded elsewhere is checked against its published SHA-256 and copied. What is there already
    is replaced, whole or not at all.

    Raises `WeightsError` where the file is not the one that the backbone needs, or cannot be stored.
    """
    if source.package:
        raise WeightsError(f"{source.backbone} needs no file: its weights come with Facialis")
    if not path.is_file():
        raise WeightsError(f"{path.name} is not a file: name the weights file of {source.backbone}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sha256 = sha256_of(path)
        kept = folder / source.file
        partial = kept.with_name(f"{kept.name}.new")
        try:
            if source is VGG_FACE:
                _convert(path, sha256, partial)
            elif hash_fits(source, sha256):
                shutil.copyfile(path, partial)
            else:
                raise WeightsError(
                    f"{path.name} has the SHA-256 {sha256[:8]}…, the published {source.file} has "
                    f"{source.sha256}…: download it again from {source.url}"
                )
            partial.replace(kept)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be taken into {folder}: {error.strerror}") from error
    return kept


def recorded_origin(path: Path) -> dict[str, str]:
    """What an import recorded in its file: ``origin`` (file name), ``origin_sha256`` and ``format``.

    Empty for a file that no import wrote.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return {}


@dataclass(frozen=True)
class _Format:
    """A kind of published file: how to read its convolutions, and the channel order of its input."""

    name: str
    read: Callable[[Path], Layers]
    channels: str


def _convert(path: Path, sha256: str, out: Path) -> None:
    published = _FORMATS.get(path.suffix)
    if published is None:
        raise WeightsError(
            f"{path.name} is none of the published kinds {', '.join(_FORMATS)}: unpack an archive first"
        )
    try:
        state = _state(published.read(path), published.channels)
    except ValueError as error:
        raise WeightsError(
            f"{path.name} does not hold VGG-Face as a {published.name} file ({error}): "
            "fetch it anew from its publisher"
        ) from error
    origin = {
        "backbone": VGG_FACE.backbone,
        "origin": path.name,
        "origin_sha256": sha256,
        "format": f"{published.name}, {published.channels} input",
    }
    out.write_bytes(save(state, origin))


def _state(layers: Layers, channels: str) -> dict[str, NDArray[np.float32]]:
    classes = layers[_CLASSIFIER][-1].size if layers.get(_CLASSIFIER) else _PEOPLE
    if classes != _PEOPLE:
        raise ValueError(f"it tells {classes} classes apart, not {_PEOPLE} people")
    state: dict[str, NDArray[np.float32]] = {}
    for name, (key, shape) in CONVOLUTIONS.items():
        if name not in layers:
            raise ValueError(f"it has no layer {name}")
        if len(layers[name]) != 2:
            raise ValueError(f"its layer {name} lacks weight or bias")
        weight, bias = layers[name]
        # Torch7's SpatialConvolutionMM has (out, in * 3 * 3), Caffe's old biases (1, 1, 1, out)
        if weight.size != np.prod(shape) or weight.shape[:1] != shape[:1] or bias.size != shape[0]:
            raise ValueError(f"its layer {name} is of another shape, {weight.shape}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError(f"its layer {name} holds values that are no numbers")
        state[f"{key}.weight"] = weight.reshape(shape)
        state[f"{key}.bias"] = bias.reshape(-1)
    if channels == "BGR":
        first = CONVOLUTIONS["conv1_1"][0]
        state[f"{first}.weight"] = np.ascontiguousarray(state[f"{first}.weight"][:, ::-1])
    return state


def _mapped(path: Path) -> memoryview:
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _caffe(path: Path) -> Layers:
    return read_caffe(_mapped(path), {*CONVOLUTIONS, _CLASSIFIER})


def _torch7(path: Path) -> Layers:
    network = read_torch7(_mapped(path))
    if not isinstance(network, TorchObject):
        raise ValueError("it holds no network")
    modules = network.fields.get(b"modules")
    if not isinstance(modules, dict):
        raise ValueError("its network has no list of modules")
    in_order = [modules.get(float(number)) for number in range(1, len(modules) + 1)]
    convolutions = [m for m in in_order if isinstance(m, TorchObject) and ".SpatialConvolution" in m.kind]
    layers = dict(zip(CONVOLUTIONS, map(_torch7_values, convolutions), strict=False))
    linear = [m for m in in_order if isinstance(m, TorchObject) and m.kind.endswith(".Linear")]
    return layers | {_CLASSIFIER: _torch7_values(linear[-1])} if linear else layers


def _torch7_values(module: TorchObject) -> list[NDArray[np.float32]]:
    tensors = (module.fields.get(b"weight"), module.fields.get(b"bias"))
    return [tensor.values() for tensor in tensors if isinstance(tensor, TorchTensor)]


def _pytorch(path: Path) -> Layers:
    from grading.weights.states import read_state

    state = read_state(path)
    return {
        name: [state[key].numpy() for key in (f"{name}.weight", f"{name}.bias") if key in state]
        for name in (*CONVOLUTIONS, _CLASSIFIER)
        if f"{name}.weight" in state
    }


_FORMATS = {
    ".caffemodel": _Format("Caffe", _caffe, "BGR"),
    ".t7": _Format("Torch7", _torch7, "BGR"),
    ".pth": _Format("PyTorch", _pytorch, "RGB"),
}
