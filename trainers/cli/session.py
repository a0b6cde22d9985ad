"""One sitting: load the images, train, evaluate, report. The first module of the command line that needs torch."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch

from trainers import checkpoint, devices
from trainers.allocator import keep_freed_memory
from trainers.checkpoint import CheckpointError
from trainers.cli import metrics_file, report
from trainers.cli.fields import UsageError
from trainers.cli.metrics_file import MetricsError, MetricsFile
from trainers.cli.plan import CHECKPOINT, FOLDER, Plan
from trainers.cli.report import Outcome
from trainers.cli.screen import Screen
from trainers.cli.stopping import StopWish
from trainers.cli.training import Training, weights_are_numbers
from trainers.evaluate import Evaluation, EvaluationError
from trainers.guard import TrainingError
from trainers.held_out import split
from trainers.image_set import ImageError, ImageSet
from trainers.images import Registry
from trainers.methods import make_trainer
from trainers.trainer import Trainer

METRICS = "metrics.csv"
OUT_OF_MEMORY = "lower --batch-size, --queue-length or --embedding-dim"


def run(plan: Plan, screen: Screen) -> int:
    """Do what the plan says; returns the exit code.

    Raises:
        UsageError: something that only shows on this machine or with these images is wrong with the plan.
    """
    keep_freed_memory()
    device = _device(plan)
    images = _load_images(plan, screen)
    if plan.session.threads:
        torch.set_num_threads(plan.session.threads)
    trainer = _trainer(plan, images, device, screen)
    return _Sitting(plan, trainer, _open_files(plan, trainer), screen).run()


def _load_images(plan: Plan, screen: Screen) -> ImageSet:
    session, name = plan.session, plan.config.images
    folders = {FOLDER: Path(session.path).expanduser()} if session.path is not None and name == FOLDER else {}
    try:
        images = Registry(data_dir=Path(session.data_dir).expanduser(), folders=folders).load(name, screen.loading)
    except ImageError as error:
        raise UsageError(f"{'--path' if folders else '--images'}: {error}") from None
    if session.evaluate:
        try:
            split(images)
        except ValueError as error:
            raise UsageError(f"--evaluate: {error}") from None
    for text in images.notes:
        screen.note(text)
    return images


def _device(plan: Plan) -> torch.device:
    try:
        return devices.choose(plan.session.device)
    except ValueError as error:
        raise UsageError(f"--device {plan.session.device}: {error}") from None


def _trainer(plan: Plan, images: ImageSet, device: torch.device, screen: Screen) -> Trainer:
    """The trainer, new or from its checkpoint."""
    config = plan.config
    steps = config.steps
    if plan.passes is not None:
        steps = max(1, math.ceil(plan.passes * max(1, len(images) // config.batch_size)))
        config = config.model_copy(update={"steps": steps})
    screen.loading(0.0, f"preparing {config.method} on {device}")
    if plan.resume is None:
        try:
            return make_trainer(config, images, device)
        except ValueError as error:
            raise UsageError(f"--{str(error).replace('_', '-', 1)}") from None
    try:
        trainer = checkpoint.load(plan.resume, images, device, steps=steps)
    except CheckpointError as error:
        raise UsageError(f"--resume: {error}") from None
    if plan.knobs.changes():
        trainer.apply(plan.knobs)
    return trainer


@dataclass(frozen=True)
class Files:
    """Where a run's checkpoint lies, and its open file of figures."""

    checkpoint: Path
    metrics: MetricsFile


def _open_files(plan: Plan, trainer: Trainer) -> Files:
    """Makes the folder of a new run; opens the file of figures, new or after the checkpoint's last row."""
    try:
        if plan.resume is None:
            folder = _new_folder(plan)
            metrics = Path(plan.session.metrics or folder / METRICS).expanduser()
            return Files(folder / CHECKPOINT, metrics_file.begin(metrics))
        kept = plan.resume if plan.out is None else plan.out / CHECKPOINT
        kept.parent.mkdir(parents=True, exist_ok=True)
        return Files(kept, _metrics_of_resumed(plan, kept, trainer.step))
    except MetricsError as error:
        raise UsageError(f"--metrics: {error}") from None
    except OSError as error:
        raise UsageError(f"--out: {error.filename} cannot be written: {error.strerror}; give another folder") from None


def _new_folder(plan: Plan) -> Path:
    """The folder of `--out`, or the next free one of this method and seed, so that no run writes into another's."""
    if plan.out is not None:
        folder = plan.out.expanduser()
        if (folder / CHECKPOINT).exists():
            raise UsageError(
                f"--out: {folder} has a run's checkpoint already; give another folder, or go on with --resume {folder}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    name = f"{plan.config.preset or plan.config.method}-{plan.config.seed}"
    for count in range(1, 1_000_000):
        folder = Path("runs") / (name if count == 1 else f"{name}-{count}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UsageError(f"--out: runs/{name} and all its successors are taken; give a folder")


def _metrics_of_resumed(plan: Plan, kept: Path, step: int) -> MetricsFile:
    """The run's file of figures, gone on with; a copy of it where the run goes on in another folder."""
    assert plan.header is not None
    known = plan.header.notes.get("session", {}).get("metrics")
    before = None if known is None else Path(known)
    path = Path(plan.session.metrics).expanduser() if plan.session.metrics else kept.parent / METRICS
    if plan.out is not None and before is not None and path == before and kept != plan.resume:
        path = kept.parent / before.name
        if before.exists() and not path.exists():
            shutil.copyfile(before, path)
    if path.exists():
        return metrics_file.go_on(path, step)
    if path == before and step:
        raise MetricsError(f"{path}, which this run wrote, is gone; put it back, or name a new file")
    return metrics_file.begin(path)


@dataclass
class _Sitting:
    """Training, evaluation and report, with everything open."""

    plan: Plan
    trainer: Trainer
    files: Files
    screen: Screen
    outcome: Outcome = field(default_factory=Outcome)

    def run(self) -> int:
        plan, trainer, outcome = self.plan, self.trainer, self.outcome
        checkpoint.sweep(self.files.checkpoint)
        if plan.header is not None and self.files.checkpoint == plan.resume:
            outcome.saved_step = plan.header.step
        self.first_step = trainer.step
        self._announce()
        try:
            with StopWish() as stop:
                self._train(stop)
                if outcome.state == "finished" and plan.session.evaluate:
                    self._evaluate(stop)
        finally:
            self.files.metrics.close()
            self.screen.end()
        return report.tell(plan, trainer, outcome, self.files.checkpoint, self.files.metrics.path, self.first_step)

    def _announce(self) -> None:
        config = self.trainer.config
        end = "until Ctrl-C" if config.steps is None else f"to step {config.steps}"
        went_on = f" from step {self.first_step}" if self.first_step else ""
        self.screen.note(
            f"Training {config.method} on {len(self.trainer.images):,} images of {config.images}{went_on} {end}, on "
            f"{self.trainer.device}. Checkpoint and figures: {self.files.checkpoint.parent}"
        )
        self.screen.begin(self.first_step, config.steps)

    def _train(self, stop: StopWish) -> None:
        plan, outcome = self.plan, self.outcome
        training = self.training = Training(
            self.trainer, self.files.metrics, plan.changes, self._save, plan.session.save_every, self.screen, stop
        )
        try:
            outcome.state = "finished" if training.run() else "stopped"
        except TrainingError as error:
            outcome.fail(str(error), error.cause)
            self._keep_good()
        except (CheckpointError, MetricsError) as error:
            outcome.fail(str(error), None)
        except OSError as error:
            outcome.fail(
                f"{error.filename or self.files.metrics.path} cannot be written: {error.strerror}", "make room"
            )
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            outcome.fail("the device ran out of memory", OUT_OF_MEMORY)
        outcome.seconds, outcome.figures = training.seconds, training.figures

    def _keep_good(self) -> None:
        """After a break: the state that the trainer went back to, if it did, as checkpoints younger than that lie on
        the way to the break. A collapsed run goes nowhere, and its last checkpoint stays."""
        taken_back = self.trainer.step < self.training.newest
        if (taken_back or not self.files.checkpoint.exists()) and weights_are_numbers(self.trainer):
            self._save()

    def _save(self) -> None:
        session = {**self.plan.session.notes(), "metrics": str(self.files.metrics.path.absolute())}
        # What was changed already is in the config, also of a trainer that went back.
        at = [change.text for change in self.plan.changes if change.step > self.training.newest]
        checkpoint.save(self.trainer, self.files.checkpoint, {"session": session, "at": at})
        self.outcome.saved_step = self.trainer.step

    def _evaluate(self, stop: StopWish) -> None:
        try:
            evaluation = Evaluation(self.trainer)
            while not evaluation.advance():
                self.screen.loading(evaluation.progress, "asking held-out images")
                if stop.asked:
                    self.outcome.state = "stopped"
                    return
            self.outcome.evaluation = evaluation.result
        except EvaluationError as error:
            self.outcome.fail(str(error), None)


def _out_of_memory(error: BaseException) -> bool:
    """PyTorch has an error of its own for the GPU's memory, and none for the host's."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
