"""Pretrained networks, cut at a named layer: crops in, activations out.

Sources: Raj et al., Section 4.3 and Table 4 (VGG-16 with its layers Conv2-2 to Pool5, ResNet-50, MobileNet,
EfficientNet-B4). Where their weights come from is in `grading.weights`.
"""

from grading.backbones.architectures import ARCHITECTURES, Architecture
from grading.backbones.backbone import INPUT_SIZE, Backbone, Precision
from grading.backbones.loading import load_backbone
from grading.weights.errors import DownloadError, UnknownBackboneError, WeightsError

__all__ = [
    "ARCHITECTURES",
    "INPUT_SIZE",
    "Architecture",
    "Backbone",
    "DownloadError",
    "Precision",
    "UnknownBackboneError",
    "WeightsError",
    "load_backbone",
]
