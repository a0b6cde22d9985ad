"""Checkpoints of the worker's runs: taken between steps, written by a thread beside the training.

The state is copied on the training thread, after the figures of all steps up to it have gone to the server, so that
whoever goes on from it finds no hole before it. The server learns of a checkpoint when it is whole on disk, and
only what the server has noted is ever gone on from.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.engine.backend import Backend, TakenLike
from server.engine.training import Training

log = logging.getLogger("sushibelt.worker")

SHARE = 0.05  # of the time, at most, goes into a run's checkpoints
RETRY_SECONDS = 10.0  # after one that could not be written


@dataclass(frozen=True)
class _Job:
    run: str
    epoch: int
    taken: TakenLike
    path: Path
    took: float


class Saving:
    """Says when a run is due, takes its state and writes it.

    Args:
        folder: a folder a run below it.
        every: seconds between two checkpoints of a run that trains; more where writing takes long.
        post: puts a message into the worker's inbox; called on the writing thread.
    """

    def __init__(self, backend: Backend, folder: Path, every: float, post: Callable[[dict[str, Any]], None]) -> None:
        self._backend, self._folder, self._every, self._post = backend, folder, every, post
        self._jobs: queue.Queue[_Job] = queue.Queue()
        self._writing: set[str] = set()
        threading.Thread(target=self._work, name="checkpoints", daemon=True).start()

    def care(self, training: Training, now: float, *, at_once: bool = False) -> None:
        """Take a checkpoint if one is due: after a while of training, and where training stops.

        Raises:
            TrainingError: the run went wrong and stopped itself; nothing was taken.
        """
        trainer = training.trainer
        if trainer is None or not trainer.between_steps or training.run in self._writing:
            return
        if training.saved_step == training.step or training.state == "failed":
            return
        if not at_once and now < training.save_due and (training.runnable or training.save_error):
            return
        begun = time.monotonic()
        training.flush_metrics(now)
        # Acknowledged, and not in the trainer before their step has come.
        ahead = [[step, change.changes()] for step, change in training.knobs_ahead]
        schedule = [[step, change.changes()] for step, change in training.schedule]
        notes = {"ahead": ahead, "schedule": schedule, "said": sorted(training.said)}
        taken = self._backend.take(trainer, notes)
        name = f"{training.epoch}-{taken.step}-{training.offset}.safetensors"
        path = self._folder / training.run / name
        self._writing.add(training.run)
        took = time.monotonic() - begun
        self._jobs.put(_Job(training.run, training.epoch, taken, path, took))

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            message = {
                "op": "saved",
                "run": job.run,
                "epoch": job.epoch,
                "step": job.taken.step,
                "file": f"{job.run}/{job.path.name}",
                "size": 0,
                "error": None,
            }
            begun = time.monotonic()
            try:
                job.path.parent.mkdir(parents=True, exist_ok=True)
                job.taken.write(job.path)
                message["size"] = job.path.stat().st_size
            except Exception as error:
                message["error"] = str(error)
                log.warning(
                    "a checkpoint of run %s could not be written: %s", job.run, error, extra={"run_id": job.run}
                )
            message["seconds"] = job.took + time.monotonic() - begun
            self._post(message)

    def written(self, training: Training | None, message: dict[str, Any], now: float) -> None:
        """The writing thread is done with one: tell the server, or say why there is none."""
        self._writing.discard(message["run"])
        if training is None or training.epoch != message["epoch"]:
            self._forget(message["file"])
            return
        if message["error"] is not None:
            training.save_due = now + RETRY_SECONDS
            training.not_saved(message["error"])
            return
        training.save_due = now + max(self._every, message["seconds"] / SHARE)
        training.saved_step = message["step"]
        training.saved(message)

    def _forget(self, file: str) -> None:
        """A file of a run that was removed or reset while it was written: nobody will ever note it."""
        path = self._folder / file
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # if nothing else is in it

    def last_words(self, runs: Iterable[Training], inbox: queue.Queue[dict[str, Any]], seconds: float) -> None:
        """The process is told to go: save what is not saved, as far as the time reaches."""
        end, trainings = time.monotonic() + seconds, {training.run: training for training in runs}
        left = list(trainings.values())
        while time.monotonic() < end:
            for training in list(left):
                if training.run in self._writing:
                    continue
                left.remove(training)
                try:
                    self.care(training, time.monotonic(), at_once=True)
                except Exception as error:
                    log.warning(
                        "run %s goes without a last checkpoint: %s", training.run, error, extra={"run_id": training.run}
                    )
            if not left and not self._writing:
                return
            try:
                message = inbox.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                return
            if message["op"] == "saved":
                self.written(trainings.get(message["run"]), message, time.monotonic())
