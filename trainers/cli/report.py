"""What is said when a sitting ends: a table or one JSON object, how to go on, and the exit code."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from trainers.cli.plan import Plan
from trainers.cli.screen import duration
from trainers.figures import FIGURES, SCORES
from trainers.guard import TrainingError
from trainers.tick import Scalar
from trainers.trainer import Trainer

EXIT_CODES = {"finished": 0, "failed": 1, "stopped": 130}


@dataclass
class Outcome:
    """How a sitting ended.

    Attributes:
        seconds: of training, saving included.
        figures: the newest of each figure that steps have.
        evaluation: what `trainers.evaluate` found.
        saved_step: the step of the checkpoint that is on the disk.
        error, cause: of a failed run, as a sentence and what to do.
    """

    state: Literal["finished", "stopped", "failed"] = "stopped"
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    saved_step: int | None = None
    error: str | None = None
    cause: str | None = None

    def fail(self, error: str, cause: str | None) -> None:
        self.state, self.error, self.cause = "failed", error, cause


def tell(plan: Plan, trainer: Trainer, outcome: Outcome, checkpoint: Path, metrics: Path, first_step: int) -> int:
    """Say it all; returns the exit code."""
    figures = _figures(trainer, outcome, first_step)
    kept = checkpoint if checkpoint.exists() else None
    resume = None if kept is None else resume_command(kept)
    if plan.json:
        _print_json(plan, trainer, outcome, figures, kept, metrics, resume)
    elif not plan.quiet and outcome.state != "failed":
        _print_table(trainer, outcome, figures, kept, metrics)
    _say_how_to_go_on(outcome, trainer, resume, metrics)
    return EXIT_CODES[outcome.state]


def resume_command(checkpoint: Path) -> str:
    """A command line that goes on from a checkpoint, to be pasted into the shell that this one came from."""
    words = [*_program(), "--resume", str(checkpoint.absolute())]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _program() -> list[str]:
    """How this program was called: the interpreter that the shell found, and `-m trainers`."""
    words = sys.orig_argv
    for i in range(len(words) - 1):
        if words[i : i + 2] == ["-m", "trainers"]:
            return words[: i + 2]
    return [sys.executable, "-m", "trainers"]


def _figures(trainer: Trainer, outcome: Outcome, first_step: int) -> dict[str, Scalar]:
    """The newest of every figure, in the order of their table."""
    found: dict[str, Scalar] = dict(outcome.figures)
    try:
        found |= {name: value for name, value in trainer.tick(()).scalars.items() if value is not None}
    except TrainingError:
        found["step"] = trainer.step
    images = (trainer.step - first_step) * trainer.config.batch_size
    found["training_seconds"] = outcome.seconds
    if images and outcome.seconds:
        found["images_per_second"] = images / outcome.seconds
    found["peak_memory"] = peak_memory(trainer.device)
    shown = {name: found[name] for name in FIGURES if found.get(name) is not None}
    return shown | {name: value for name, value in found.items() if name not in FIGURES and value is not None}


def peak_memory(device: torch.device) -> float | None:
    """The most memory held at once in MiB: of the GPU by PyTorch's tensors, else of the host by the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _print_json(
    plan: Plan,
    trainer: Trainer,
    outcome: Outcome,
    figures: dict[str, Scalar],
    checkpoint: Path | None,
    metrics: Path,
    resume: str | None,
) -> None:
    result = {
        "state": outcome.state,
        "step": trainer.step,
        "config": trainer.config.model_dump(mode="json"),
        "session": plan.session.model_dump(mode="json"),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "figures": figures,
        "evaluation": outcome.evaluation,
        "error": None if outcome.error is None else {"message": outcome.error, "cause": outcome.cause},
        "paths": {
            "checkpoint": None if checkpoint is None else str(checkpoint.absolute()),
            "metrics": str(metrics.absolute()),
        },
        "resume": resume,
    }
    print(json.dumps(result, indent=2, allow_nan=False))


def _print_table(
    trainer: Trainer, outcome: Outcome, figures: dict[str, Scalar], checkpoint: Path | None, metrics: Path
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{trainer.config.method} on {trainer.config.images}, {outcome.state} at step {trainer.step}")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for name, value in figures.items():
        figure = FIGURES.get(name)
        if figure is not None and figure.sample == "set":
            continue  # the user gave it
        assert value is not None
        table.add_row(figure.title if figure else name, _number(value), figure.unit if figure else "")
    for name, figure in SCORES.items():
        if outcome.evaluation is not None:
            table.add_row(figure.title, _number(outcome.evaluation[name]), figure.unit)
    console = Console()
    console.print(table)
    if outcome.evaluation is not None:
        asked = "Scores: share right of {test:,} pictures ({held_out}); chance is {chance:.3g}."
        console.print(asked.format_map(outcome.evaluation), highlight=False, markup=False, soft_wrap=True)
    console.print(f"checkpoint  {checkpoint}\nfigures     {metrics}", highlight=False, markup=False, soft_wrap=True)


def _number(value: float) -> str:
    if value == int(value) and not math.isinf(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _say_how_to_go_on(outcome: Outcome, trainer: Trainer, resume: str | None, metrics: Path) -> None:
    """On standard error, also when nothing else is said."""
    if outcome.state == "finished":
        return
    if outcome.state == "failed":
        lines = [f"Training broke: {outcome.error}."]
        if outcome.cause:
            lines.append(f"Likely: {outcome.cause}.")
        lines.append(f"The figures up to there are in {metrics}.")
        if resume is None:
            lines.append("There is no checkpoint.")
        else:
            lines.append(f"To go on from step {outcome.saved_step}, best with another knob added:\n  {resume}")
    else:
        lines = [
            f"Stopped at step {trainer.step} after {duration(outcome.seconds)}; saved. To go on:\n  {resume}",
        ]
    print("\n".join(lines), file=sys.stderr)
