"""Batch norm in groups of one batch, as if each group sat on a GPU of its own.

Shuffling keys between GPUs keeps batch norm from telling which key belongs to a query (He 2020, section
3.3); on one device there is nothing to shuffle between unless the statistics are taken in groups. The
authors' CIFAR demo does the same.
"""

from __future__ import annotations

from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn


class _Split(nn.modules.batchnorm._BatchNorm):
    """Normalises image n with the statistics of all images n' with n' = n mod splits.

    While training only; in evaluation it is plain batch norm. The running statistics are the mean of the
    groups'. The batch must be a multiple of `splits`.
    """

    splits: int

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        s, shape = self.splits, x.shape
        C = shape[1]
        grouped = x.reshape(shape[0] // s, s * C, *shape[2:])
        weight, bias = (None if p is None else p.repeat(s) for p in (self.weight, self.bias))
        if not self.momentum:  # a probe looks: nothing is remembered, to the last bit
            y = F.batch_norm(grouped, None, None, weight, bias, True, 0.0, self.eps)
            return y.reshape(shape)
        mean, var = cast(Tensor, self.running_mean), cast(Tensor, self.running_var)
        means, variances = mean.repeat(s), var.repeat(s)
        y = F.batch_norm(grouped, means, variances, weight, bias, True, self.momentum, self.eps)
        mean.copy_(means.view(s, C).mean(0))
        var.copy_(variances.view(s, C).mean(0))
        return y.reshape(shape)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any shape [B, C, ...] will do."""


def split_batch_norm(model: nn.Module, splits: int) -> None:
    """Put a split layer in the place of each batch norm below a module, weights and all."""
    for name, child in model.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(model, name, _split(child, splits))
        else:
            split_batch_norm(child, splits)


def _split(norm: Any, splits: int) -> _Split:
    layer = _Split(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    layer._parameters, layer._buffers, layer.splits = norm._parameters, norm._buffers, splits
    return layer
