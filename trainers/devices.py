"""Where to train: a word like `auto` or `cuda:1` to a device that is really there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def choose(wanted: str) -> torch.device:
    """The device of that name; `auto` takes a GPU if there is one.

    Raises:
        ValueError: this machine has no such device.
    """
    if wanted == "auto":
        wanted = "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device("cuda:0" if wanted == "cuda" else wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA device(s) here; give auto or cpu, or "
            "check the driver with nvidia-smi"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("this machine has no Metal device; give auto or cpu")
    return device


def send(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    """The array on the device (on the CPU itself), and the host does not wait for it, as it would at a plain
    `.to(device)`: for all work given to the device before."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)
