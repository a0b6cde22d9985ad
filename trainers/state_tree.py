"""A trainer's state as two halves that a file can hold: tensors by dotted name, and a JSON tree of the rest.

The tree mirrors the state. What JSON has no word for stands in it as an object with one key:

    {"$tensor": name}  {"$array": name}  {"$scalar": name}   a torch tensor, a numpy array, a numpy scalar
    {"$tuple": [...]}                                        a tuple
    {"$pairs": [[key, value], ...]}                          a dict with keys that are not all plain text
    {"$float": "nan" | "inf" | "-inf"}                       a number that JSON cannot write

`unflatten(*flatten(state))` is the state again, to the last bit and type, with three differences that
nothing here depends on: tensors come back on the CPU and without their graph, tensors that shared memory
no longer do, and an OrderedDict is a dict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

Tree = Any
"""What `json` can write: dict with text keys, list, str, int, float, bool, None."""

_RESERVED = "__metadata__"  # safetensors keeps its own entry under this name
_STORABLE = frozenset(
    {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool}
    | {torch.int64, torch.int32, torch.int16, torch.int8}
    | {torch.uint64, torch.uint32, torch.uint16, torch.uint8}
)


def flatten(state: Any) -> tuple[Tree, dict[str, Tensor]]:
    """Take a state apart.

    Args:
        state: dicts (keys str or int), lists, tuples, tensors, numpy arrays and scalars, str, int, float, bool, None,
            nested in any way.

    Returns:
        The tree, and copies of all tensors and arrays on the CPU, contiguous, by dotted name.

    Raises:
        TypeError: something else was in it; the message says where.
    """
    tensors: dict[str, Tensor] = {}
    return _Flattener(tensors).node(state, ()), tensors


def unflatten(tree: Tree, tensors: Mapping[str, Tensor]) -> Any:
    """Put a state together again; its tensors and arrays share no memory with `tensors`.

    Raises:
        KeyError, TypeError, ValueError: the tree is not one of `flatten`.
    """
    if isinstance(tree, list):
        return [unflatten(part, tensors) for part in tree]
    if not isinstance(tree, dict):
        return tree
    mark = next(iter(tree), "")
    if not mark.startswith("$"):
        return {key: unflatten(value, tensors) for key, value in tree.items()}
    return _MARKS[mark](tree[mark], tensors)


_MARKS: dict[str, Callable[[Any, Mapping[str, Tensor]], Any]] = {
    "$tensor": lambda name, tensors: tensors[name].clone(),
    "$array": lambda name, tensors: tensors[name].clone().numpy(),
    "$scalar": lambda name, tensors: tensors[name].numpy()[()],
    "$tuple": lambda parts, tensors: tuple(unflatten(part, tensors) for part in parts),
    "$pairs": lambda pairs, tensors: {key: unflatten(value, tensors) for key, value in pairs},
    "$float": lambda text, tensors: float(text),
}


class _Flattener:
    """One walk over a state; `tensors` fills on the way."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors

    def node(self, value: Any, path: tuple[str, ...]) -> Tree:
        # Exact types: an enum or a named tuple would come back as something less than it was.
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": str(value)}
        if kind is list:
            return [self.node(part, (*path, str(i))) for i, part in enumerate(value)]
        if kind is tuple:
            return {"$tuple": [self.node(part, (*path, str(i))) for i, part in enumerate(value)]}
        if isinstance(value, dict):
            return self._dict(value, path)
        if isinstance(value, Tensor):
            return {"$tensor": self._keep(value.detach().to("cpu", copy=True), path)}
        if isinstance(value, np.ndarray):
            return {"$array": self._keep(self._from_numpy(value, path), path)}
        if isinstance(value, np.generic):
            return {"$scalar": self._keep(self._from_numpy(np.asarray(value), path), path)}
        raise TypeError(f"{_dotted(path)}: a checkpoint cannot hold a {kind.__module__}.{kind.__qualname__}")

    def _dict(self, value: dict[Any, Any], path: tuple[str, ...]) -> Tree:
        for key in value:
            if type(key) not in (str, int):
                raise TypeError(
                    f"{_dotted(path)}: a checkpoint cannot hold the key {key!r}; use text or a whole number"
                )
        parts = [(key, self.node(part, (*path, str(key)))) for key, part in value.items()]
        if all(type(key) is str and not key.startswith("$") for key, _ in parts):
            return dict(parts)
        return {"$pairs": [[key, part] for key, part in parts]}

    @staticmethod
    def _from_numpy(value: np.ndarray[Any, Any], path: tuple[str, ...]) -> Tensor:
        native = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")  # a copy, also of a 0-d array
        try:
            return torch.from_numpy(native)
        except TypeError:
            raise TypeError(f"{_dotted(path)}: a checkpoint cannot hold a numpy array of {value.dtype}") from None

    def _keep(self, tensor: Tensor, path: tuple[str, ...]) -> str:
        """Files a tensor under its dotted path. Keys may hold dots themselves, so two paths may read the same."""
        if tensor.dtype not in _STORABLE or tensor.layout is not torch.strided:
            raise TypeError(f"{_dotted(path)}: a checkpoint cannot hold a tensor of {tensor.dtype}, {tensor.layout}")
        # Half a surrogate pair is a Python string, but no UTF-8.
        wanted = _dotted(path).encode("utf-8", "backslashreplace").decode()
        name, count = wanted, 1
        while name in self._tensors or name == _RESERVED:
            count += 1
            name = f"{wanted}~{count}"
        self._tensors[name] = tensor.contiguous()
        return name


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path) or "state"
