"""Reads the layers' numbers out of a Caffe model (`.caffemodel`): protocol buffers, wire format.

Written from the encoding of protocol buffers (developers.google.com/protocol-buffers/docs/encoding) and the
field numbers of `NetParameter`, `LayerParameter`, `V1LayerParameter`, `BlobProto` and `BlobShape` in BVLC's
`caffe.proto`. Other fields are passed over; nothing in the file is run.
"""

import math
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NET_LAYERS_V1, _NET_LAYER = 2, 100
# by the layer's field in the net: the fields of its name and its blobs
_LAYER_FIELDS = {_NET_LAYERS_V1: (4, 6), _NET_LAYER: (1, 7)}
_BLOB_LEGACY_SHAPE = (1, 2, 3, 4)
_BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLE_DATA = 5, 7, 8
_SHAPE_DIM = 1

Value = int | memoryview


def read_caffe(content: memoryview, names: Collection[str]) -> dict[str, list[NDArray[np.float32]]]:
    """The blobs (weight, then bias) of the layers with these names, in the shapes that the file gives.

    Raises ValueError where the bytes are no Caffe model.
    """
    layers: dict[str, list[NDArray[np.float32]]] = {}
    for number, value in _fields(content):
        if number in _LAYER_FIELDS:
            name_field, blobs_field = _LAYER_FIELDS[number]
            fields = list(_fields(_message(value)))
            name = next((bytes(_message(v)).decode() for n, v in fields if n == name_field), "")
            if name in names:
                layers[name] = [_blob(_message(v)) for n, v in fields if n == blobs_field]
    return layers


def _fields(content: memoryview) -> Iterator[tuple[int, Value]]:
    """Field numbers with their values: integers as int, all else as the bytes they take."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if wire_type == _VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, at = _varint(content, at)
        elif wire_type in (_FIXED32, _FIXED64):
            size = 4 if wire_type == _FIXED32 else 8
        else:
            raise ValueError(f"a field has the unknown wire type {wire_type}")
        if size > len(content) - at:
            raise ValueError("it ends in the middle of a field")
        yield number, content[at : at + size]
        at += size


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(content[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number does not end")


def _message(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message belongs")
    return value


def _blob(content: memoryview) -> NDArray[np.float32]:
    legacy = dict.fromkeys(_BLOB_LEGACY_SHAPE, 0)
    shape: list[int] | None = None
    singles: list[memoryview] = []
    doubles: list[memoryview] = []
    for number, value in _fields(content):
        if number in legacy:
            legacy[number] = _integer(value)
        elif number == _BLOB_SHAPE:
            shape = list(_dimensions(_message(value)))
        elif number == _BLOB_DATA:
            singles.append(_message(value))
        elif number == _BLOB_DOUBLE_DATA:
            doubles.append(_message(value))
    # packed floats come as one run of bytes, unpacked ones as four bytes each: joined they are the same
    values = np.frombuffer(b"".join(doubles), "<f8") if doubles else np.frombuffer(b"".join(singles), "<f4")
    sizes = list(legacy.values()) if shape is None else shape
    if math.prod(sizes) != len(values):
        raise ValueError(f"a blob of shape {tuple(sizes)} has {len(values)} values")
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, which the import refuses
        return values.astype(np.float32).reshape(sizes)


def _integer(value: Value) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes stand where a number belongs")
    return value


def _dimensions(content: memoryview) -> Iterator[int]:
    for number, value in _fields(content):
        if number != _SHAPE_DIM:
            continue
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            dimension, at = _varint(value, at)
            yield dimension
