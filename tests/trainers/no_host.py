"""A context in which nothing may ask the device for a value, so that on a GPU nothing would wait."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
_WAITING = {  # operations whose result, or whose shape, the host must know at once
    _aten._local_scalar_dense,  # item, float(), bool(), if tensor:
    _aten.nonzero,
    _aten.masked_select,
    _aten._unique2,
    _aten.equal,
    _aten._linalg_eigh,
    _aten._linalg_svd,
}
_FETCHING = {Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.__array__}


class Waited(AssertionError):  # noqa: N818
    """Something would have waited for the device."""


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_mask = func.overloadpacket is _aten.index and any(i is not None and i.dtype == torch.bool for i in args[1])
        if func.overloadpacket in _WAITING or by_mask:
            raise Waited(str(func))
        return func(*args, **(kwargs or {}))


class _Methods(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        to_host = func is Tensor.to and any(
            str(arg) == "cpu" for arg in args[1:] if isinstance(arg, str | torch.device)
        )
        if func in _FETCHING or to_host:
            raise Waited(str(func))
        return func(*args, **(kwargs or {}))


class no_host:  # noqa: N801
    """`with no_host():` raises Waited where a value is fetched. Works on the CPU."""

    def __enter__(self) -> None:
        self._operations, self._methods = _Operations(), _Methods()
        self._operations.__enter__()
        self._methods.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._methods.__exit__(*error)
        self._operations.__exit__(*error)
