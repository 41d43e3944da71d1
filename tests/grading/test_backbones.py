"""Pretrained networks cut at a layer, with their own weights or weights from a file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file
from torch import nn
from torchvision.models import efficientnet_b4, mobilenet_v2, resnet50
from torchvision.models.vgg import cfgs, make_layers

from grading.backbones import ARCHITECTURES, UnknownBackboneError, WeightsError, load_backbone
from grading.weights import SOURCES, find

# Networks are built and run, which takes seconds each.
pytestmark = pytest.mark.journey

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def vgg_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of VGG-16's convolutions with random weights."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save({f"features.{key}": value for key, value in make_layers(cfgs["D"]).state_dict().items()}, path)
    return path


def as_torchvision(crops: np.ndarray) -> torch.Tensor:
    """Crops as torchvision's own examples normalise them."""
    scaled = torch.from_numpy(crops.transpose(0, 3, 1, 2) / 255.0).float()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (scaled - mean) / std


@pytest.mark.parametrize(
    ("layer", "shape"),
    [("conv2_2", (128, 112, 112)), ("conv5_3", (512, 14, 14)), ("pool5", (512, 7, 7))],
)
def test_vgg16_is_cut_after_the_named_layers_relu(
    vgg_weights: Path, crops: np.ndarray, layer: str, shape: tuple[int, int, int]
) -> None:
    backbone = load_backbone("vgg16", layer, weights=vgg_weights, device="cpu")
    features = backbone.features(crops[:1])
    assert backbone.channels == shape[0]
    assert backbone.map_shape(224, 224) == shape
    assert features.shape == (1, *shape)
    assert features.dtype == np.float32
    assert features.min() == 0


def test_vgg16_gives_what_torchvision_gives(vgg_weights: Path, crops: np.ndarray) -> None:
    features = make_layers(cfgs["D"])
    state = torch.load(vgg_weights, weights_only=True)
    features.load_state_dict({name.removeprefix("features."): values for name, values in state.items()})
    with torch.inference_mode():
        expected = features.eval()[:30](as_torchvision(crops[:1])).numpy()
    ours = load_backbone("vgg16", weights=vgg_weights, device="cpu").features(crops[:1])
    assert np.allclose(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "network", "part", "shapes"),
    [
        (
            "resnet50",
            resnet50,
            "layer3",
            {"layer1": (256, 56), "layer4": (2048, 7)},
        ),
        (
            "mobilenet",
            mobilenet_v2,
            "features.13",
            {"features.3": (24, 56), "features.18": (1280, 7)},
        ),
        (
            "efficientnet-b4",
            efficientnet_b4,
            "features.5",
            {"features.2": (32, 56), "features.8": (1792, 7)},
        ),
    ],
)
def test_the_other_networks_give_what_torchvision_gives(
    name: str,
    network: Callable[[], nn.Module],
    part: str,
    shapes: dict[str, tuple[int, int]],
    crops: np.ndarray,
    tmp_path: Path,
) -> None:
    torch.manual_seed(2)
    whole = network()
    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    seen: list[torch.Tensor] = []
    whole.get_submodule(part).register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.inference_mode():
        whole.eval()(as_torchvision(crops[:1]))
    backbone = load_backbone(name, weights=tmp_path / "w.safetensors", device="cpu")
    assert backbone.layer == part
    ours = backbone.features(crops[:1])
    assert np.abs(ours - seen[0].numpy()).max() < 1e-4 * np.abs(ours).max()
    for layer, (channels, side) in shapes.items():
        cut = load_backbone(name, layer, weights=tmp_path / "w.safetensors", device="cpu")
        assert cut.map_shape(224, 224) == (channels, side, side)


def test_a_default_layer_is_among_the_layers() -> None:
    for architecture in ARCHITECTURES.values():
        assert architecture.default_layer in architecture.layers
        assert list(architecture.layers.values()) == sorted(architecture.layers.values())


def test_efficientnet_lite_brings_its_own_weights(crops: np.ndarray) -> None:
    backbone = load_backbone("efficientnet-lite0", "block10", device="cpu")
    assert backbone.features(crops).shape == (3, 112, 14, 14)


def test_efficientnet_lite_gives_what_its_package_gives(crops: np.ndarray) -> None:
    whole = EfficientNet.from_name("efficientnet-lite0")
    file = find(SOURCES["efficientnet-lite0"], Path())
    assert file is not None
    whole.load_state_dict(torch.load(file, weights_only=True))
    whole.eval()
    pixels = (torch.from_numpy(crops[:, :96, :160]).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        expected = whole._bn0(whole._conv_stem(pixels)).clip(0, 6)
        for block in whole._blocks[:11]:
            expected = block(expected)
    ours = load_backbone("efficientnet-lite0", "block10", device="cpu").features(crops[:, :96, :160])
    assert np.abs(ours - expected.numpy()).max() < 1e-4 * np.abs(ours).max()


@pytest.mark.journey
def test_torchvision_is_imported_only_for_its_own_networks() -> None:
    code = (
        "import sys, grading.grader\n"
        "assert 'torch' not in sys.modules\n"
        "from grading.backbones import load_backbone\n"
        "load_backbone('efficientnet-lite0', device='cpu')\n"
        "assert 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_features_of_a_crop_do_not_depend_on_its_batch(crops: np.ndarray) -> None:
    backbone = load_backbone("efficientnet-lite0", "block2", device="cpu")
    many = backbone.features(np.concatenate([crops] * 12))
    assert np.allclose(many[:3], backbone.features(crops), atol=1e-4)
    assert np.allclose(many[33:], many[:3], atol=1e-4)


def test_crops_may_have_another_size(crops: np.ndarray) -> None:
    backbone = load_backbone("efficientnet-lite0", "block10", device="cpu")
    assert backbone.features(crops[:, :96, :160]).shape == (3, 112, 6, 10)
    assert backbone.features(crops[:0, :96, :160]).shape == (0, *backbone.map_shape(96, 160))


def test_bfloat16_comes_near_float32_in_float32(crops: np.ndarray) -> None:
    exact = load_backbone("efficientnet-lite0", device="cpu").features(crops)
    short = load_backbone("efficientnet-lite0", device="cpu", precision="bfloat16").features(crops)
    assert short.dtype == np.float32
    assert np.corrcoef(exact.ravel(), short.ravel())[0, 1] > 0.99
    assert not np.array_equal(exact, short)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="float32, bfloat16"):
        load_backbone("efficientnet-lite0", device="cpu", precision="float16")  # type: ignore[arg-type]


def test_multiply_adds_are_those_of_the_layers_that_run(vgg_weights: Path) -> None:
    first = 224**2 * 9 * (3 * 64 + 64 * 64)
    second = 112**2 * 9 * (64 * 128 + 128 * 128)
    backbone = load_backbone("vgg16", "conv2_2", weights=vgg_weights, device="cpu")
    assert backbone.multiply_adds == first + second


def test_the_weight_hash_tells_weights_apart_and_not_file_formats(vgg_weights: Path, tmp_path: Path) -> None:
    state = torch.load(vgg_weights, weights_only=True)
    save_file(state, tmp_path / "same.safetensors")
    state["features.0.bias"][0] += 1e-3
    torch.save(state, tmp_path / "other.pth")
    hashes = [
        load_backbone("vgg16", "conv2_2", weights=path, device="cpu").weight_hash
        for path in (vgg_weights, tmp_path / "same.safetensors", tmp_path / "other.pth")
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_weights_are_looked_for_in_the_folder(vgg_weights: Path, tmp_path: Path) -> None:
    (tmp_path / "vgg16-397923af.pth").symlink_to(vgg_weights)
    by_file = load_backbone("vgg16", "conv2_2", weights=vgg_weights, device="cpu")
    found = load_backbone("vgg16", "conv2_2", folder=tmp_path, device="cpu")
    assert found.weight_hash == by_file.weight_hash


def test_weights_of_another_network_are_refused(vgg_weights: Path) -> None:
    for name in ("efficientnet-lite0", "resnet50", "mobilenet", "efficientnet-b4"):
        with pytest.raises(WeightsError, match=rf"vgg16\.pth does not hold weights of {name}"):
            load_backbone(name, weights=vgg_weights)


def test_a_damaged_or_missing_weights_file_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"no weights")
    for path in (damaged, tmp_path / "none.safetensors"):
        with pytest.raises(WeightsError, match=path.name):
            load_backbone("vgg16", weights=path)


@pytest.mark.parametrize("content", [[1, 2], {"features.0.bias": 1.0}, {0: torch.zeros(1)}])
def test_a_file_without_a_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "list.pth")
    with pytest.raises(WeightsError, match=r"list\.pth holds no state dict"):
        load_backbone("vgg16", weights=tmp_path / "list.pth")


def test_a_pickle_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Path("code")}, tmp_path / "code.pth")
    with pytest.raises(WeightsError, match=r"code\.pth"):
        load_backbone("vgg16", weights=tmp_path / "code.pth")


def test_an_unknown_name_or_layer_lists_the_choices() -> None:
    with pytest.raises(UnknownBackboneError, match="choose one of efficientnet-lite0, vgg16"):
        load_backbone("resnet")
    with pytest.raises(UnknownBackboneError, match="it has conv2_2"):
        load_backbone("vgg16", "fc7")


def test_crops_of_another_kind_are_refused() -> None:
    backbone = load_backbone("efficientnet-lite0", "block2", device="cpu")
    for crops in (np.zeros((1, 224, 224, 1), dtype=np.uint8), np.zeros((1, 224, 224, 3), dtype=np.float32)):
        with pytest.raises(ValueError, match="crops must be"):
            backbone.features(crops)
