"""Where to train: a word like `auto` or `cuda:1` to a device that is really there."""

from __future__ import annotations

import torch


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
