"""Reads state dicts, and tells them apart by what they hold. The one module here that needs PyTorch."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

from grading.weights.errors import WeightsError

State = Mapping[str, torch.Tensor]
"""A network's numbers by name; those that are no integers are float32."""


def read_state(path: Path) -> State:
    """The state dict in a `.safetensors` file or a `.pth` file, on the CPU. No code in the file is run.

    Raises `WeightsError` where it cannot be read as one.
    """
    try:
        if path.suffix == ".safetensors":
            state: object = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    # PyTorch's reader raises whatever damaged bytes happen to provoke
    except Exception as error:
        raise WeightsError(
            f"{path.name} cannot be read as a state dict: give a .pth or .safetensors file"
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(values, torch.Tensor) and values.layout is torch.strided
        for name, values in state.items()
    ):
        raise WeightsError(f"{path.name} holds no state dict: save the model's state_dict() instead")
    return {
        name: values.detach().float() if values.is_floating_point() else values.detach()
        for name, values in state.items()
    }


def hash_state(state: State) -> str:
    """SHA-256 over names, types, shapes and values, so that the file's format does not matter."""
    digest = hashlib.sha256()
    for name in sorted(state):
        values = state[name].contiguous().numpy()
        digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
