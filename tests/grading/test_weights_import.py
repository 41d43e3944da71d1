"""VGG-Face from its published kinds of file: what comes in computes what the original computes.

The files are written here from the formats' own definitions, in VGG-16's real shapes with random numbers. The
published files themselves cannot be had here.
"""

import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch.nn import functional

from grading.backbones import load_backbone
from grading.weights import SOURCES, WeightsError, find, import_weights, recorded_origin, sha256_of

VGG_FACE = SOURCES["vgg-face"]
WIDTHS = {1: (64, 64), 2: (128, 128), 3: (256, 256, 256), 4: (512, 512, 512), 5: (512, 512, 512)}
MEAN_RGB = (129.1863, 104.7624, 93.5940)

Network = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


@pytest.fixture(scope="module")
def network() -> Network:
    """VGG-Face with random numbers: weight (out, in, 3, 3) and bias (out,) by published layer name."""
    rng = np.random.default_rng(0)
    layers: Network = {}
    channels = 3
    for block, widths in WIDTHS.items():
        for number, width in enumerate(widths, start=1):
            weight = rng.standard_normal((width, channels, 3, 3), dtype=np.float32)
            weight *= np.sqrt(2 / (9 * channels))
            layers[f"conv{block}_{number}"] = weight, rng.standard_normal(width, dtype=np.float32)
            channels = width
    # its real width is 4096: the import looks at the number of people only
    layers["fc8"] = np.ones((2622, 2), dtype=np.float32), np.ones(2622, dtype=np.float32)
    return layers


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is emptied at once, since the files are large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="module")
def crop() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)


def original(network: Network, crop: NDArray[np.uint8], order: str) -> NDArray[np.float32]:
    """The published formula up to conv2_2: colours in order, less their mean, then the layers."""
    colours = list(range(3)) if order == "RGB" else [2, 1, 0]
    pixels = (crop.astype(np.float64) - MEAN_RGB)[..., colours].transpose(0, 3, 1, 2)
    values = torch.from_numpy(pixels).float()
    for name in ("conv1_1", "conv1_2", "pool", "conv2_1", "conv2_2"):
        if name == "pool":
            values = functional.max_pool2d(values, 2)
        else:
            weight, bias = (torch.from_numpy(part) for part in network[name])
            values = functional.relu(functional.conv2d(values, weight, bias, padding=1))
    return values.numpy()


# ---- Caffe: protocol buffers


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def new_blob(values: NDArray[np.float32]) -> bytes:
    shape = field(1, b"".join(varint(size) for size in values.shape))
    return field(7, shape) + field(5, values.astype("<f4").tobytes())


def legacy_blob(values: NDArray[np.float32]) -> bytes:
    """Sizes as four numbers; biases as doubles, the first layer's weights one by one."""
    sizes = (1,) * (4 - values.ndim) + values.shape
    out = b"".join(integer(number, size) for number, size in enumerate(sizes, start=1))
    if values.ndim == 1:
        return out + field(8, values.astype("<f8").tobytes())
    if values.shape[1] == 3:
        return out + b"".join(varint(5 << 3 | 5) + struct.pack("<f", value) for value in values.ravel())
    return out + field(5, values.astype("<f4").tobytes())


def write_caffe(path: Path, network: Network) -> None:
    """Today's form: `layer` with shapes, other layers and unknown fields between."""
    with path.open("wb") as file:
        file.write(field(1, b"VGG_FACE_16_Net") + integer(5, 0))
        for name, blobs in network.items():
            head = field(1, name.encode()) + field(2, b"Convolution") + field(3, b"below") + integer(10, 1)
            file.write(field(100, head + b"".join(field(7, new_blob(blob)) for blob in blobs)))
            file.write(field(100, field(1, b"relu") + field(2, b"ReLU")))
            file.write(varint(200 << 3 | 1) + bytes(8) + varint(201 << 3 | 5) + bytes(4))


def write_old_caffe(path: Path, network: Network) -> None:
    """The form before 2015: `layers` of V1, which the first published files have."""
    with path.open("wb") as file:
        for name, blobs in network.items():
            head = field(2, b"below") + field(3, b"above") + field(4, name.encode()) + integer(5, 4)
            file.write(field(2, head + b"".join(field(6, legacy_blob(blob)) for blob in blobs)))


# ---- Torch7


class Torch7:
    """Writes Torch7's binary form; an object that has been written before is written as its index."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.indices: dict[int, int] = {}

    def whole(self, number: int) -> None:
        self.parts.append(struct.pack("<i", number))

    def longs(self, *numbers: int) -> None:
        self.parts.append(struct.pack(f"<{len(numbers)}q", *numbers))

    def text(self, content: bytes) -> None:
        self.whole(len(content))
        self.parts.append(content)

    def new(self, kind: int, value: object) -> bool:
        self.whole(kind)
        known = id(value) in self.indices
        self.whole(self.indices.setdefault(id(value), len(self.indices) + 1))
        return not known

    def torch_class(self, value: object, name: bytes) -> bool:
        if not self.new(4, value):
            return False
        self.text(b"V 1")
        self.text(name)
        return True

    def write(self, value: object) -> None:
        match value:
            case None:
                self.whole(0)
            case bool():
                self.whole(5)
                self.whole(int(value))
            case int() | float():
                self.whole(1)
                self.parts.append(struct.pack("<d", value))
            case bytes():
                self.whole(2)
                self.text(value)
            case dict():
                if self.new(3, value):
                    self.whole(len(value))
                    for key, content in value.items():
                        self.write(key)
                        self.write(content)
            case ("function", bytes(code), dict(upvalues)):
                if self.new(8, value):
                    self.text(code)
                    self.write(upvalues)
            case ("object", bytes(name), dict(fields)):
                if self.torch_class(value, name):
                    self.write(fields)
            case ("tensor", tuple(sizes), int(offset), storage):
                if self.torch_class(value, b"torch.FloatTensor"):
                    self.whole(len(sizes))
                    self.longs(*sizes)
                    self.longs(*(int(np.prod(sizes[place + 1 :])) for place in range(len(sizes))))
                    self.longs(offset + 1)
                    self.write(storage)
            case np.ndarray():
                if self.torch_class(value, b"torch.FloatStorage"):
                    self.longs(value.size)
                    self.parts.append(value.astype("<f4").tobytes())
            case _:
                raise AssertionError(value)


def torch7_bytes(network: Network, *, flat: bool) -> bytes:
    """An `nn.Sequential`; ``flat`` is the matrix form of convolutions, all in one storage."""
    storage = np.concatenate([part.ravel() for blobs in network.values() for part in blobs]) if flat else None
    offset = 0
    modules: list[object] = []
    for name, blobs in network.items():
        tensors = []
        for part in blobs:
            sizes = (len(part), part.size // len(part)) if flat and part.ndim > 1 else part.shape
            tensors.append(("tensor", sizes, offset if flat else 0, storage if flat else part.ravel()))
            offset += part.size
        kind = b"nn.Linear" if name == "fc8" else b"nn.SpatialConvolution" + (b"MM" if flat else b"")
        fields = {
            b"weight": tensors[0],
            b"bias": tensors[1],
            b"gradWeight": ("tensor", (), 0, None),
            b"kW": 3,
            b"train": False,
            b"_type": b"torch.FloatTensor",
            b"hook": ("function", b"\x1bLJ", {1: {b"name": b"upvalue"}}),
        }
        modules += [("object", kind, fields), ("object", b"nn.ReLU", {b"inplace": True})]
    fields = {b"modules": dict(enumerate(modules, start=1))}
    fields[b"itself"] = fields
    writer = Torch7()
    writer.write(("object", b"nn.Sequential", fields))
    return b"".join(writer.parts)


def write_torch7(path: Path, network: Network) -> None:
    path.write_bytes(torch7_bytes(network, flat=False))


def write_flat_torch7(path: Path, network: Network) -> None:
    path.write_bytes(torch7_bytes(network, flat=True))


# ---- PyTorch


def write_pytorch(path: Path, network: Network) -> None:
    """A state dict in the form that PyTorch had in 2018, when vgg_face_dag was published."""
    state = {
        f"{name}.{part}": torch.from_numpy(values)
        for name, blobs in network.items()
        for part, values in zip(("weight", "bias"), blobs, strict=True)
    }
    torch.save(state, path, _use_new_zipfile_serialization=False)


# ---- what is wanted


@pytest.mark.journey
@pytest.mark.parametrize(
    ("write", "file", "order"),
    [
        (write_caffe, "VGG_FACE.caffemodel", "BGR"),
        (write_old_caffe, "VGG_FACE.caffemodel", "BGR"),
        (write_torch7, "VGG_FACE.t7", "BGR"),
        (write_flat_torch7, "VGG_FACE.t7", "BGR"),
        (write_pytorch, "vgg_face_dag.pth", "RGB"),
    ],
)
def test_an_imported_network_gives_what_the_original_gives(
    write: Callable[[Path, Network], None],
    file: str,
    order: str,
    network: Network,
    crop: NDArray[np.uint8],
    folder: Path,
) -> None:
    write(folder / file, network)
    kept = import_weights(VGG_FACE, folder / file, folder / "weights")

    state = load_file(kept)
    assert len(state) == 26
    assert np.array_equal(state["features.28.weight"].numpy(), network["conv5_3"][0])
    assert np.array_equal(state["features.28.bias"].numpy(), network["conv5_3"][1])
    ours = load_backbone("vgg-face", "conv2_2", folder=folder / "weights", device="cpu").features(crop)
    expected = original(network, crop, order)
    assert expected.max() > 100
    assert np.abs(ours - expected).max() < 1e-5 * expected.max()

    origin = recorded_origin(kept)
    assert origin["origin"] == file
    assert origin["origin_sha256"] == sha256_of(folder / file)
    assert [path.name for path in (folder / "weights").iterdir()] == [kept.name]


def test_the_same_network_is_the_same_weights_whatever_file_it_came_in(
    network: Network, folder: Path
) -> None:
    write_torch7(folder / "a.t7", network)
    weight, bias = network["conv1_1"]
    write_pytorch(folder / "b.pth", network | {"conv1_1": (weight[:, ::-1].copy(), bias)})
    hashes = set()
    for file in ("a.t7", "b.pth"):
        import_weights(VGG_FACE, folder / file, folder)
        hashes.add(load_backbone("vgg-face", "conv2_2", folder=folder, device="cpu").weight_hash)
    assert len(hashes) == 1


def test_weights_of_vgg_face_are_not_taken_for_those_of_vgg16(folder: Path) -> None:
    save_file({"features.0.bias": torch.zeros(64)}, folder / "x.safetensors", {"backbone": "vgg-face"})
    with pytest.raises(WeightsError, match=r"x\.safetensors holds weights of vgg-face, not of vgg16"):
        load_backbone("vgg16", weights=folder / "x.safetensors")


def test_without_its_file_vgg_face_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="facialis weights import vgg-face FILE"):
        load_backbone("vgg-face", folder=tmp_path)


def small(network: Network) -> Network:
    """The same layers with two numbers each: the structure of a file without its bulk."""
    return {
        name: (weight[:1, :2, 0, 0], bias[:1]) for name, (weight, bias) in network.items() if name != "fc8"
    }


WRITERS = {".caffemodel": write_caffe, ".t7": write_torch7, ".pth": write_pytorch}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("share", [0.1, 0.999])
def test_a_truncated_file_is_named_and_leaves_what_was_there(
    suffix: str, share: float, network: Network, folder: Path
) -> None:
    path = folder / f"cut{suffix}"
    WRITERS[suffix](path, {"conv1_1": network["conv1_1"], "conv1_2": network["conv1_2"]})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    (folder / VGG_FACE.file).write_bytes(b"as before")
    with pytest.raises(WeightsError, match=rf"cut\{suffix}"):
        import_weights(VGG_FACE, path, folder)
    assert {file.name for file in folder.iterdir()} == {path.name, VGG_FACE.file}
    assert (folder / VGG_FACE.file).read_bytes() == b"as before"


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_network_of_other_shapes_is_refused(suffix: str, network: Network, folder: Path) -> None:
    path = folder / f"other{suffix}"
    WRITERS[suffix](path, network | {"conv3_2": network["conv3_1"]})
    with pytest.raises(WeightsError, match=r"layer conv3_2 is of another shape, \(256, 128, 3, 3\)"):
        import_weights(VGG_FACE, path, folder)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_network_without_all_layers_is_refused(suffix: str, network: Network, folder: Path) -> None:
    path = folder / f"other{suffix}"
    WRITERS[suffix](path, {name: network[name] for name in ("conv1_1", "conv1_2", "conv2_1")})
    with pytest.raises(WeightsError, match="it has no layer conv2_2"):
        import_weights(VGG_FACE, path, folder)


@pytest.mark.parametrize("suffix", WRITERS)
def test_vgg16_of_imagenet_is_not_taken_for_vgg_face(suffix: str, network: Network, folder: Path) -> None:
    path = folder / f"imagenet{suffix}"
    WRITERS[suffix](path, small(network) | {"fc8": (np.ones((1000, 2), "f4"), np.ones(1000, "f4"))})
    with pytest.raises(WeightsError, match="it tells 1000 classes apart, not 2622 people"):
        import_weights(VGG_FACE, path, folder)


def test_weights_that_are_no_numbers_are_refused(network: Network, folder: Path) -> None:
    weight = network["conv1_1"][0].copy()
    weight[0, 0, 0, 0] = np.nan
    write_caffe(folder / "nan.caffemodel", {"conv1_1": (weight, network["conv1_1"][1])})
    with pytest.raises(WeightsError, match="conv1_1 holds values that are no numbers"):
        import_weights(VGG_FACE, folder / "nan.caffemodel", folder)


def test_an_archive_and_an_empty_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "vgg_face.zip", "w") as archive:
        archive.writestr("VGG_FACE.t7", b"")
    (tmp_path / "empty.t7").touch()
    for name, words in (
        ("vgg_face.zip", "unpack an archive first"),
        ("empty.t7", "it is empty"),
        ("none.t7", "is not a file"),
    ):
        with pytest.raises(WeightsError, match=words):
            import_weights(VGG_FACE, tmp_path / name, tmp_path)


class Code:
    """Pickled, this makes a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.proof,)


def test_code_in_a_pytorch_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"conv1_1.weight": Code(tmp_path / "proof")}, tmp_path / "code.pth")
    with pytest.raises(WeightsError, match=r"code\.pth"):
        import_weights(VGG_FACE, tmp_path / "code.pth", tmp_path)
    assert not (tmp_path / "proof").exists()


def test_a_file_from_another_machine_is_checked_and_copied(tmp_path: Path) -> None:
    lite0 = find(SOURCES["efficientnet-lite0"], tmp_path)
    assert lite0
    with pytest.raises(WeightsError, match="needs no file"):
        import_weights(SOURCES["efficientnet-lite0"], lite0, tmp_path)
    with pytest.raises(WeightsError, match=r"the published mobilenet_v2-b0353104\.pth has b0353104"):
        import_weights(SOURCES["mobilenet"], lite0, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def fuzz_folder(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small file of each kind."""
    folder = tmp_path_factory.mktemp("fuzz")
    for suffix, write in WRITERS.items():
        write(folder / f"whole{suffix}", small(network))
    return folder


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WRITERS)), st.binary(max_size=300))
def test_any_bytes_give_a_weights_error_and_nothing_else(
    fuzz_folder: Path, suffix: str, content: bytes
) -> None:
    path = fuzz_folder / f"fuzz{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=path.name):
        import_weights(VGG_FACE, path, fuzz_folder)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WRITERS)), st.data())
def test_a_file_with_bytes_changed_gives_a_weights_error_and_nothing_else(
    fuzz_folder: Path, suffix: str, data: st.DataObject
) -> None:
    content = bytearray((fuzz_folder / f"whole{suffix}").read_bytes())
    places = st.integers(0, min(len(content), 4000) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4)):
        content[place] = byte
    path = fuzz_folder / f"fuzz{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=path.name):
        import_weights(VGG_FACE, path, fuzz_folder)
