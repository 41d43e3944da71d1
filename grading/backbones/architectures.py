"""The networks that Facialis can cut: how each is built, its layers, and how it wants its pixels.

Sources: Simonyan and Zisserman 2015 (VGG-16); Parkhi, Vedaldi and Zisserman 2015 (VGG-Face: the same network,
pixels of 0-255 less its own mean); He et al. 2016 (ResNet-50); Sandler et al. 2018 (MobileNetV2); Tan and Le
2019 (EfficientNet-B4); Google's EfficientNet-Lite (input (x - 127) / 128, unlike the larger EfficientNets).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from grading.backbones.folding import fold
from grading.weights.states import State

Triple = tuple[float, float, float]

_IMAGENET_MEAN: Triple = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD: Triple = (0.229 * 255, 0.224 * 255, 0.225 * 255)


@dataclass(frozen=True)
class Architecture:
    """A network and where it can be cut.

    ``network`` makes it and ``modules`` lists its parts in the order in which they run, without the
    classifier, whose weights' names begin with one of ``classifier`` and are not looked at. ``layers`` are
    places in that list. ``mean`` and ``std``, red first, normalise pixels of 0-255.
    """

    name: str
    network: Callable[[], nn.Module]
    modules: Callable[[Any], list[nn.Module]]
    layers: Mapping[str, int]
    default_layer: str
    classifier: tuple[str, ...] = ()
    mean: Triple = _IMAGENET_MEAN
    std: Triple = _IMAGENET_STD

    def select(self, state: State) -> State:
        """The weights that are run: VGG-Face's classifier has another width than ImageNet's."""
        return {name: values for name, values in state.items() if not name.startswith(self.classifier)}

    def build(self, state: State, layer: str) -> nn.Sequential:
        """The network up to the layer with the selected weights, ready to compute activations.

        Raises RuntimeError where they are not this network's.
        """
        with torch.device("meta"):
            network = self.network()
        missing, unknown = network.load_state_dict(state, strict=False, assign=True)
        missing = [name for name in missing if not name.startswith(self.classifier)]
        if missing or unknown:
            raise RuntimeError(f"{len(missing)} weights are missing and {len(unknown)} unknown")
        cut = nn.Sequential(*self.modules(network)[: self.layers[layer] + 1]).eval()
        fold(cut)
        return cut


def _lite0() -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    return network


# torchvision takes seconds to import, and the network that comes with Facialis does not need it
def _torchvision(name: str) -> Callable[[], nn.Module]:
    def network() -> nn.Module:
        from torchvision.models import get_model

        made: nn.Module = get_model(name, weights=None)
        return made

    return network


_VGG16 = Architecture(
    name="vgg16",
    network=_torchvision("vgg16"),
    modules=lambda network: list(network.features),
    # each after its ReLU
    layers={"conv2_2": 8, "conv3_3": 15, "conv4_3": 22, "conv5_3": 29, "pool5": 30},
    default_layer="conv5_3",
    classifier=("classifier.",),
)

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            name="efficientnet-lite0",
            network=_lite0,
            modules=lambda network: [network._conv_stem, network._bn0, nn.ReLU6(), *network._blocks],
            # the last block at each resolution: 56, 28, 14 (twice) and 7 (twice) pixels
            layers={f"block{number}": number + 3 for number in (2, 4, 7, 10, 14, 15)},
            default_layer="block10",
            mean=(127.0, 127.0, 127.0),
            std=(128.0, 128.0, 128.0),
        ),
        _VGG16,
        Architecture(
            name="vgg-face",
            network=_torchvision("vgg16"),
            modules=_VGG16.modules,
            layers=_VGG16.layers,
            default_layer=_VGG16.default_layer,
            classifier=_VGG16.classifier,
            mean=(129.1863, 104.7624, 93.5940),
            std=(1.0, 1.0, 1.0),
        ),
        Architecture(
            name="resnet50",
            network=_torchvision("resnet50"),
            modules=lambda network: list(network.children()),
            layers={"layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7},
            # 14 x 14 positions, as the paper's best layer of VGG-16 has
            default_layer="layer3",
            classifier=("fc.",),
        ),
        # the paper says "MobileNet"; version 2 is the nearest to the first that torchvision has weights of
        Architecture(
            name="mobilenet",
            network=_torchvision("mobilenet_v2"),
            modules=lambda network: list(network.features),
            # the last block at 56, 28, 14 (twice) and 7 (twice) pixels, and the layer behind the blocks
            layers={f"features.{number}": number for number in (3, 6, 10, 13, 16, 17, 18)},
            default_layer="features.13",
            classifier=("classifier.",),
        ),
        Architecture(
            name="efficientnet-b4",
            network=_torchvision("efficientnet_b4"),
            modules=lambda network: list(network.features),
            # the stages end at 56, 28, 14 (twice) and 7 (twice) pixels; the last is the layer behind them
            layers={f"features.{number}": number for number in (2, 3, 4, 5, 6, 7, 8)},
            default_layer="features.5",
            classifier=("classifier.",),
        ),
    )
}
"""Every backbone by its name."""
