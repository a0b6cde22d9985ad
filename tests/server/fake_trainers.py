"""Trainers without torch for tests that need speed or a fault. Given to the worker with --trainers.

The seed chooses the fault: 101 raises at step 3, 102 stops itself at step 3, 103 has a loss that is no number
at step 5 and is taken back to step 1; both go on when resumed; 105 takes 30 ms a step, 106 takes 150 ms a step;
107 kills the process at step 40, 108 runs out of memory at step 3, 109 loses the device at step 40.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from server.engine.backend import Backend
from server.engine.worker import HostWatch
from trainers.checkpoint import FORMAT, KIND, read_header
from trainers.config import KnobChange, RunConfig
from trainers.guard import TrainingError
from trainers.image_set import ImageError, SetInfo

SETS: dict[str, tuple[int, str | None]] = {
    "sushi": (5_000, None),
    "tiny": (10, None),
    "slow": (500, None),
    "late": (500, "late.zip is cut off after 10 bytes; copy it again"),
    "gone": (0, "/nowhere does not exist; correct the path"),
}


class DeviceError(RuntimeError): ...


class FakeTrainer:
    def __init__(self, config: RunConfig, images: Any) -> None:
        self.config, self.images, self.step = config, images, 0
        self._from = 0
        self._trouble: TrainingError | None = None
        self._troubled = False
        self._writes = np.zeros(0, np.uint32)
        self.knob_steps: list[float] = []
        """Momentum at each step that was taken."""

    @property
    def finished(self) -> bool:
        return self.config.steps is not None and self.step >= self.config.steps

    def train_step(self) -> None:
        seed = self.config.seed
        time.sleep({105: 0.03, 106: 0.15}.get(seed, 0.002))
        self.step += 1
        self.knob_steps.append(self.config.momentum)
        if self.step == 40 and seed == 107:
            os.abort()
        if self.step == 40 and seed == 109:
            raise DeviceError("an illegal memory access was encountered")
        if self.step == 3 and seed == 108:
            raise MemoryError
        if self.step == 3 and seed == 101:
            raise RuntimeError("shapes do not match")
        if self.step == 3 and seed == 102 and not self._troubled:
            self._troubled = True
            raise TrainingError("all embeddings became one point by step 3", "the learning rate is 10: lower it", 3)
        new = np.full(self.config.batch_size, self.step, np.uint32)
        self._writes = np.concatenate([self._writes, new])

    def measure(self) -> None: ...

    def apply(self, change: KnobChange) -> int:
        self.config = self.config.with_knobs(change)
        return self.step + 1

    @property
    def between_steps(self) -> bool:
        return True

    def train_phase(self) -> Any:
        self.train_step()
        arrays = {"phase.image": np.arange(4, dtype=np.uint32)}
        shown = SimpleNamespace(scalars={"gradient_norm": 1.5}, sections=arrays)
        return SimpleNamespace(step=self.step, name="gradient", number=4, show=lambda: shown)

    def check(self) -> None:
        if self._trouble is not None:
            error, self._trouble = self._trouble, None
            self.step = self._from = 1
            self.knob_steps = self.knob_steps[:1]
            self._writes = self._writes[: self.config.batch_size]
            raise error

    def tick(self, sections: Any, *, after: int | None = None, wait: bool = False) -> Any:
        written = len(self._writes)
        scalars = {"step": self.step, "loss": 1.0 / (1 + self.step), "accuracy": float("nan")}
        arrays: dict[str, Any] = {}
        if self.config.method != "simclr":
            scalars |= {"dict_written": written, "momentum": self.config.momentum}
            if "dict" in sections:
                n = min(self.config.queue_length, written if after is None else written - after)
                arrays["dict.step"] = self._writes[written - n :].astype(np.uint32)
                arrays["dict.image"] = np.arange(written - n, written, dtype=np.uint32)
        elif "matrix" in sections:
            side = 2 * self.config.batch_size
            arrays["matrix"] = np.zeros((side, side), np.uint8)
        if "map" in sections:
            arrays["map.keys"] = np.zeros((4, 2), np.float32)
        if "views" in sections:
            arrays["views"] = np.zeros((2, 4, 8, 8, 3), np.uint8)
        return SimpleNamespace(step=self.step, snapshot=after is None, scalars=scalars, sections=arrays)

    def drain_metrics(self, *, wait: bool = True) -> dict[str, Any] | None:
        steps = np.arange(self._from + 1, self.step + 1, dtype=np.float64)
        self._from = self.step
        if not len(steps):
            return None
        loss = 1 / (1 + steps)
        if self.config.seed == 103 and self.step >= 5 and not self._troubled:
            self._troubled = True
            self._trouble = TrainingError("the loss became nan at step 5; the run was taken back to step 1", "x", 1)
            loss[steps == 5] = np.nan
            steps, loss = steps[steps <= 5], loss[steps <= 5]
        momentum = np.array([self.knob_steps[int(step) - 1] for step in steps])
        return {"step": steps, "loss": loss, "momentum": momentum, "accuracy": np.where(steps % 2, np.nan, 0.5)}


@dataclass
class FakeTaken:
    step: int
    state: dict[str, Any]
    notes: dict[str, Any]

    def write(self, path: Path) -> None:
        """A file with the header of a real one and a state of nothing but text."""
        header = {"step": self.step, "config": self.state["config"], "notes": self.notes}
        texts = {"header": json.dumps(header | {"images": {"name": "", "digest": "", "count": 0}})}
        texts["header_sha256"] = hashlib.sha256(texts["header"].encode()).hexdigest()
        texts |= {"kind": KIND, "version": str(FORMAT), "state": json.dumps(self.state)}
        part = path.with_suffix(".part")
        save_file({"nothing": np.zeros(1)}, part, metadata=texts)
        part.replace(path)


def take(trainer: Any, notes: dict[str, Any]) -> FakeTaken:
    state = {"step": trainer.step, "config": trainer.config.model_dump(mode="json"), "knobs": trainer.knob_steps}
    return FakeTaken(trainer.step, json.loads(json.dumps(state)), notes)


def restore(path: Path, images: Any, steps: int | None) -> FakeTrainer:
    read_header(path)
    with safe_open(path, framework="numpy") as file:
        state = json.loads(file.metadata()["state"])
    config = RunConfig.model_validate(state["config"] | {"steps": steps})
    trainer = FakeTrainer(config, images)
    trainer.step = trainer._from = state["step"]
    trainer.knob_steps = state["knobs"]
    trainer._writes = np.repeat(np.arange(1, trainer.step + 1, dtype=np.uint32), config.batch_size)
    return trainer


class FakeEvaluation:
    def __init__(self, trainer: FakeTrainer) -> None:
        self.step, self.progress = trainer.step, 0.0

    def advance(self, seconds: float) -> bool:
        self.progress += 0.25
        return self.progress >= 1

    @property
    def result(self) -> dict[str, Any]:
        return {"step": self.step, "knn_backbone": 0.5}


class FakeRegistry:
    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.failed: set[str] = {"gone"}

    def names(self) -> list[str]:
        return list(SETS)

    def check(self) -> list[SetInfo]:
        return [self.describe(name) for name in SETS]

    def describe(self, name: str) -> SetInfo:
        count, error = SETS[name]
        ready, broken = name in self.loaded, name in self.failed
        known = ready or name == "sushi"
        return SetInfo(
            name=name,
            title=name,
            kind="builtin" if name == "sushi" else "folder",
            state="ready" if ready else "broken" if broken else "unloaded",
            error=error if broken else None,
            count=count if known else None,
            classes=("a", "b"),
            size=8,
            digest="abcdef0123456789" if ready else None,
            source="test",
            licence="MIT",
            page_count=-(-count // 4096) if known else None,
        )

    def load(self, name: str, progress: Any = None) -> Any:
        count, error = SETS[name]
        if name == "slow":
            for tenth in range(10):
                progress(tenth / 10, "decoding")
                time.sleep(0.1)
        if error is not None:
            self.failed.add(name)
            raise ImageError(error)
        self.loaded.add(name)
        return SimpleNamespace(images=np.zeros((count, 3, 8, 8), np.uint8), name=name)

    def atlas(self, name: str, page: int) -> bytes:
        self.load(name, lambda *_: None)
        if page >= -(-SETS[name][0] // 4096):
            raise IndexError(f"{name} has no page {page}")
        return b"RIFF fake webp"


def load_backend(options: dict[str, Any]) -> Backend:
    return Backend(
        make_trainer=FakeTrainer,
        make_evaluation=FakeEvaluation,  # type: ignore[arg-type]
        take=take,
        restore=restore,
        registry=FakeRegistry(),
        stopwatch=HostWatch(),
        device="cpu",
        devices=[{"name": "cpu", "kind": "cpu", "title": "fake"}],
        asynchronous=False,
        lost=lambda error: isinstance(error, DeviceError),
    )
