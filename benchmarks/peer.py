"""The peer: lightly's documented MoCo and SimCLR, from pictures to updated weights.

Put together from the interfaces that lightly documents (docs.lightly.ai, examples MoCo and SimCLR, version
1.6): its transform in a DataLoader with workers, its projection head, NTXentLoss with a memory bank of
(4096, 128) for MoCo, update_momentum, SGD with learning rate 0.06, batch 256. What is ours and why:

- The backbone is this project's, so that both sides train the same network.
- Pictures lie in memory as uint8 and become PIL images one by one, as torchvision's CIFAR10 hands them
  out: no file is read and nothing decoded, which spares the peer time.
- Workers stay alive between rounds and memory is pinned on a GPU, which the example does not do and which helps it.
- The momentum stays at 0.996, where the example lets it climb; it costs the same.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import MoCoProjectionHead, SimCLRProjectionHead
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.transforms.moco_transform import MoCoV2Transform
from lightly.transforms.simclr_transform import SimCLRTransform
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from trainers.config import RunConfig
from trainers.encoders import SmallBackbone, resnet18_backbone
from trainers.settings import Encoder

Interleaved = npt.NDArray[np.uint8]
"""Pictures as uint8 [N, S, S, 3]."""

LEARNING_RATE, MOMENTUM, TEMPERATURE, DIM = 0.06, 0.996, 0.5, 128


def same_work(method: str, encoder: Encoder, batch: int, queue: int = 4_096, **other: Any) -> RunConfig:
    """Our config that does what the peer's recipe does: the same views, head, loss, queue and optimizer."""
    views = {
        "moco": {"blur": True, "crop_min_scale": 0.2, "jitter_strength": 0.5, "jitter_hue": 0.2},
        "simclr": {"blur": False, "crop_min_scale": 0.08, "jitter_strength": 1.0, "jitter_hue": 0.2},
    }
    return RunConfig.model_validate(
        {
            "method": method,
            "encoder": encoder,
            "batch_size": batch,
            "queue_length": queue,
            "embedding_dim": DIM,
            "head": "mlp",
            "head_layers": 2,
            "head_norm": method == "simclr",
            "head_bias": method == "moco",
            "learning_rate": LEARNING_RATE,
            "optimizer_momentum": 0.0,
            "weight_decay": 0.0,
            "momentum": MOMENTUM,
            "temperature": TEMPERATURE,
            "probe_share": 0.0,
        }
        | views[method]
        | other
    )


def interleaved(images: npt.NDArray[np.uint8]) -> Interleaved:
    """Pictures [N, 3, S, S] in the layout that PIL reads."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


class Pictures(Dataset[tuple[list[Tensor], int]]):
    """Pictures, each handed out as the two views that a transform makes of it."""

    def __init__(self, images: Interleaved, transform: Any) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[list[Tensor], int]:
        return self.transform(Image.fromarray(self.images[place])), 0


class Peer:
    """One training of lightly's recipe. `round` takes its steps, from pictures to updated weights.

    A round is one iteration over the loader, timed from its start: so it pays for the views of every batch
    it trains on and gains nothing from views made while the rival had its turn.

    Args:
        method: "moco" or "simclr".
        images: uint8 [N, S, S, 3], see `interleaved`.
        workers: processes that make views; 0 makes them in between.
        threads: that train.
        steps: steps a round.
        bfloat16: run both encoders under autocast, which the recipe does not; for comparing at equal precision.
    """

    def __init__(
        self,
        method: str,
        encoder: Encoder,
        images: Interleaved,
        *,
        batch: int,
        device: torch.device,
        workers: int,
        threads: int,
        steps: int,
        queue: int = 4_096,
        bfloat16: bool = False,
    ) -> None:
        self.method, self.device, self.threads, self.bfloat16 = method, device, threads, bfloat16
        size = images.shape[1]
        moco = method == "moco"
        transform = MoCoV2Transform(input_size=size) if moco else SimCLRTransform(input_size=size, gaussian_blur=0.0)
        data = Pictures(images, transform)
        self.loader = DataLoader(
            data,
            batch_size=batch,
            sampler=RandomSampler(data, num_samples=steps * batch),
            drop_last=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
        )
        self.backbone: nn.Module = SmallBackbone() if encoder == "small" else resnet18_backbone()
        features = SmallBackbone.features if encoder == "small" else 512
        head = MoCoProjectionHead if moco else SimCLRProjectionHead
        self.model = nn.Sequential(self.backbone, head(features, features, DIM)).to(device)
        self.follower = copy.deepcopy(self.model)
        deactivate_requires_grad(self.follower)
        self.loss = NTXentLoss(TEMPERATURE, memory_bank_size=(queue, DIM) if moco else 0).to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)

    def round(self) -> int:
        """Take a round's steps; returns the images trained on."""
        torch.set_num_threads(self.threads)
        count = 0
        for (x0, x1), _ in self.loader:
            self.step(x0.to(self.device, non_blocking=True), x1.to(self.device, non_blocking=True))
            count += len(x0)
        return count

    def step(self, x0: Tensor, x1: Tensor) -> None:
        """One update from two views of a batch, float32 [B, 3, S, S] each."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            if self.method == "moco":
                update_momentum(self.model, self.follower, m=MOMENTUM)
                z0, z1 = self.model(x0), self.follower(x1).detach()
            else:
                z0, z1 = self.model(x0), self.model(x1)
        loss: Tensor = self.loss(z0.float(), z1.float())
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.optimizer.zero_grad()

    def close(self) -> None:
        """End the workers."""
        del self.loader
