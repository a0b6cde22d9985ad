"""Our losses against lightly's NTXentLoss: the same number, the same gradient, and at what time.

`python -m benchmarks.losses`. SimCLR's form and the memory-bank form, from raw projections, so that the
normalisation counts on both sides. tests/benchmarks/test_peers.py holds the equality.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightly.loss import NTXentLoss
from torch import Tensor

from benchmarks import environment
from benchmarks.measure import Spread, alternate, prepare, ratio
from benchmarks.results import FOLDER, publish
from benchmarks.study import best_device
from trainers import losses

DIM = 128


@dataclass(frozen=True)
class Case:
    """One comparison; queue None is SimCLR's form."""

    batch: int
    queue: int | None
    temperature: float

    @property
    def name(self) -> str:
        form = "NT-Xent" if self.queue is None else f"InfoNCE, K = {self.queue:,}"
        return f"{form}, batch {self.batch}"


CASES = (Case(64, None, 0.5), Case(512, None, 0.5), Case(64, 4_096, 0.1), Case(256, 4_096, 0.1), Case(256, 65_536, 0.1))


@dataclass
class Inputs:
    """Raw projections [B, d] of two views, the first (and for SimCLR the second) learning; stored keys [K, d]."""

    a: Tensor
    b: Tensor
    keys: Tensor | None


def draw(case: Case, dtype: torch.dtype, device: torch.device, seed: int = 0) -> Inputs:
    g = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(case.batch, DIM, generator=g, dtype=torch.float64) for _ in range(2))
    b = 0.3 * a + b  # a little alike, so that there is something to learn
    keys = None
    if case.queue is not None:
        keys = F.normalize(torch.randn(case.queue, DIM, generator=g, dtype=torch.float64), dim=1).to(device, dtype)
    a, b = a.to(device, dtype).requires_grad_(), b.to(device, dtype).requires_grad_(case.queue is None)
    return Inputs(a, b, keys)


def ours(case: Case, inputs: Inputs) -> Tensor:
    a, b = F.normalize(inputs.a, dim=1), F.normalize(inputs.b, dim=1)
    if inputs.keys is None:
        return losses.nt_xent(a, b, case.temperature)[0]
    return losses.info_nce(a, b, inputs.keys, case.temperature)[0]


def make_peer(case: Case, inputs: Inputs) -> Any:
    """lightly's loss, its bank filled with our keys. Each call enqueues, so ask it once for an equal number."""
    peer = NTXentLoss(case.temperature, memory_bank_size=0 if case.queue is None else (case.queue, DIM))
    peer.to(inputs.a.device)
    if inputs.keys is not None:
        peer.memory_bank.bank = inputs.keys.clone()
    return peer


def gradients(loss: Tensor, inputs: Inputs) -> list[Tensor]:
    return list(torch.autograd.grad(loss, [x for x in (inputs.a, inputs.b) if x.requires_grad]))


def differences(case: Case, dtype: torch.dtype, device: torch.device) -> dict[str, float]:
    """Largest absolute difference of loss and gradient, and the largest gradient to hold it against."""
    inputs = draw(case, dtype, device)
    mine, peers = ours(case, inputs), make_peer(case, inputs)(inputs.a, inputs.b)
    g, h = gradients(mine, inputs), gradients(peers, inputs)
    return {
        "loss": float((mine - peers).detach().abs()),
        "gradient": max(float((x - y).abs().max()) for x, y in zip(g, h, strict=True)),
        "largest_gradient": max(float(x.abs().max()) for x in h),
    }


def times(case: Case, device: torch.device, rounds: int, calls: int) -> dict[str, Any]:
    """Forward and backward in float32: calls a second and their ratio."""
    inputs = draw(case, torch.float32, device)
    peer = make_peer(case, inputs)

    def repeat(loss: Callable[[], Tensor]) -> Callable[[], int]:
        def round_() -> int:
            for _ in range(calls):
                gradients(loss(), inputs)
            return calls

        return round_

    rivals = {"ours": repeat(lambda: ours(case, inputs)), "lightly": repeat(lambda: peer(inputs.a, inputs.b))}
    for round_ in rivals.values():
        round_()
    rates = alternate(rivals, rounds, device)
    ms = {name: Spread.of([1e3 / rate for rate in values]).plain() for name, values in rates.items()}
    return {"ms": ms, "ratio": ratio(rates, "ours", "lightly").plain()}


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    head = ["", "loss, float64", "gradient, float64", "loss, float32", "gradient, float32", "ours, ms", "lightly, ms"]
    rows = [[*head, "lightly's time over ours"]]
    for one in found:
        numbers = [f"{one[kind][what]:.1e}" for kind in ("float64", "float32") for what in ("loss", "gradient")]
        spent = [Spread(**one["ms"][side]).text() for side in ("ours", "lightly")]
        rows.append([one["case"], *numbers, *spent, Spread(**one["ratio"]).text()])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=5, help="calls a round")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device = best_device()
    prepare(device)
    with environment.Neighbours() as neighbours:
        found = [
            {
                "case": case.name,
                "float64": differences(case, torch.float64, device),
                "float32": differences(case, torch.float32, device),
                **times(case, device, options.rounds, options.calls),
            }
            for case in CASES
        ]
    publish(
        f"losses-{environment.kind(device)}",
        caption="Largest absolute difference of loss and gradient; forward and backward in float32, medians (lowest to "
        f"highest) over {options.rounds} rounds in turn{neighbours.text()}",
        table=table(found),
        values={"cases": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
