"""Reads a Torch7 file (`.t7`, binary, little-endian, 8-byte long) without running anything in it.

Written from the format as Torch7 defines it (torch/torch7: `File.lua`, and the tensors' and storages' own
`write`). Functions in the file are passed over as bytes.
"""

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN, _FUNCTION = range(7)
_RECURSIVE_FUNCTIONS = (7, 8)
_ELEMENTS = {
    "Byte": "<u1",
    "Char": "<i1",
    "Short": "<i2",
    "Int": "<i4",
    "Long": "<i8",
    "Half": "<f2",
    "Float": "<f4",
    "Double": "<f8",
    "Cuda": "<f4",
}
_MAX_DEPTH = 100
_MAX_DIMENSIONS = 16


@dataclass(eq=False)
class TorchObject:
    """An object of a Torch class other than tensors and storages, for instance a layer (`nn.ReLU`)."""

    kind: str
    fields: dict[object, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TorchTensor:
    """A view of a storage; ``offset`` counts its elements from 0."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: NDArray[np.generic] | None

    def values(self) -> NDArray[np.float32]:
        """The tensor's numbers in its shape. Raises ValueError where they do not lie there row by row."""
        count = int(np.prod(self.sizes, dtype=object)) if self.sizes else 0
        size = 0 if self.storage is None else len(self.storage)
        if not 0 <= self.offset <= self.offset + count <= size or any(n < 0 for n in self.sizes):
            raise ValueError("a tensor reaches beyond its storage")
        step = 1
        for length, stride in zip(reversed(self.sizes), reversed(self.strides), strict=True):
            if length != 1 and stride != step:
                raise ValueError("a tensor's numbers are not stored row by row")
            step *= length
        if self.storage is None:
            return np.zeros(0, dtype=np.float32)
        with np.errstate(over="ignore"):
            return (
                self.storage[self.offset : self.offset + count].astype(np.float32).reshape(self.sizes or (0,))
            )


def read_torch7(content: memoryview) -> object:
    """The object in the file: None, bool, float, bytes, dict, `TorchObject`, `TorchTensor` or an array.

    A table is a dict; keys that are themselves objects, which layers do not have, are left out. An object
    that the file refers to twice is the same object twice. Raises ValueError where the bytes are no such
    file.
    """
    return _Reader(content).read()


class _Reader:
    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0
        self._depth = 0
        self._seen: dict[int, object] = {}

    def read(self) -> object:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("its tables are nested too deeply")
        try:
            return self._object(self._int())
        finally:
            self._depth -= 1

    def _object(self, kind: int) -> object:
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            return float(self._unpack("<d"))
        if kind == _STRING:
            return self._string()
        if kind == _BOOLEAN:
            return self._int() == 1
        if kind == _FUNCTION:
            self._pass_function()
            return None
        if kind not in (_TABLE, _TORCH, *_RECURSIVE_FUNCTIONS):
            raise ValueError(f"an object has the unknown type {kind}")
        index = self._int()
        if index in self._seen:
            return self._seen[index]
        if kind == _TABLE:
            table: dict[object, object] = {}
            self._seen[index] = table
            self._fill(table)
            return table
        if kind == _TORCH:
            return self._torch(index)
        self._seen[index] = None
        self._pass_function()
        return None

    def _torch(self, index: int) -> object:
        version = self._string()
        # files from before versions existed have the class name in its place
        name = (self._string() if version.startswith(b"V ") else version).decode("ascii")
        library, _, kind = name.partition(".")
        if library == "torch" and kind.removesuffix("Storage") in _ELEMENTS:
            storage = self._storage(np.dtype(_ELEMENTS[kind.removesuffix("Storage")]))
            self._seen[index] = storage
            return storage
        if library == "torch" and kind.removesuffix("Tensor") in _ELEMENTS:
            tensor = self._tensor()
            self._seen[index] = tensor
            return tensor
        found = TorchObject(name)
        self._seen[index] = found
        fields = self.read()
        if not isinstance(fields, dict):
            raise ValueError(f"an object of class {name!r} has no table of fields")
        found.fields = fields
        return found

    def _fill(self, table: dict[object, object]) -> None:
        for _ in range(self._int()):
            key, value = self.read(), self.read()
            if isinstance(key, float | bytes | bool):
                table[key] = value

    def _storage(self, element: np.dtype[np.generic]) -> NDArray[np.generic]:
        return np.frombuffer(self._take(self._long() * element.itemsize), element)

    def _tensor(self) -> TorchTensor:
        dimensions = self._int()
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise ValueError(f"a tensor has {dimensions} dimensions")
        sizes = tuple(self._long() for _ in range(dimensions))
        strides = tuple(self._long() for _ in range(dimensions))
        offset = self._long() - 1
        storage = self.read()
        if storage is not None and not isinstance(storage, np.ndarray):
            raise ValueError("a tensor has no storage")
        return TorchTensor(sizes, strides, offset, storage)

    def _pass_function(self) -> None:
        self._string()
        self.read()

    def _string(self) -> bytes:
        return bytes(self._take(self._int()))

    def _int(self) -> int:
        return int(self._unpack("<i"))

    def _long(self) -> int:
        return int(self._unpack("<q"))

    def _unpack(self, form: str) -> float:
        number: float = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return number

    def _take(self, size: int) -> memoryview:
        if not 0 <= size <= len(self._content) - self._at:
            raise ValueError("it ends too early")
        self._at += size
        return self._content[self._at - size : self._at]
