"""The worker process: `python -m server.engine.worker '{...}'`, started by server.engine.local.

The only module of the service that imports torch and the trainers. Threads: this one trains; one reads
requests and ends the process when the server is gone; one writes; one sends a heartbeat that says since
when the training thread has been busy, so that a hang shows although the process lives.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.engine import pipe
from server.engine.backend import Backend, explain
from server.engine.black_box import BlackBox
from server.engine.gallery import Gallery
from server.engine.loop import DeviceLost, Loop
from server.engine.memory import host_memory
from server.engine.outbox import Outbox
from server.engine.saving import Saving
from server.observing import logs

log = logging.getLogger("sushibelt.worker")

BEAT_SECONDS = 1.0
EXIT_DEVICE_LOST = 70


class SetupError(Exception):
    """The worker cannot start as it was told to; the message names the setting."""


class HostWatch:
    """Times steps on a device that finishes them before it returns."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    @contextlib.contextmanager
    def time(self, run: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._last[run] = time.perf_counter() - started

    def seconds(self, run: str) -> float:
        return self._last.get(run, 0.0)


class CudaWatch(HostWatch):
    """Times steps on the GPU by events, two steps late, so that the host runs ahead but never far."""

    DEPTH = 2

    def __init__(self, device: Any) -> None:
        super().__init__()
        self._device = device
        self._open: dict[str, deque[tuple[Any, Any]]] = {}

    @contextlib.contextmanager
    def time(self, run: str) -> Iterator[None]:
        import torch

        waiting = self._open.setdefault(run, deque())
        make: Any = torch.cuda.Event  # torch leaves it untyped
        start, end = make(enable_timing=True), make(enable_timing=True)
        start.record(torch.cuda.current_stream(self._device))
        yield
        end.record(torch.cuda.current_stream(self._device))
        waiting.append((start, end))
        if len(waiting) > self.DEPTH:
            first, last = waiting.popleft()
            last.synchronize()
            self._last[run] = first.elapsed_time(last) / 1e3


def choose_device(wanted: str) -> Any:
    """The torch device of the setting.

    Raises:
        SetupError: this machine has no such device.
    """
    from trainers import devices

    try:
        return devices.choose(wanted)
    except ValueError as error:
        raise SetupError(f"SUSHIBELT_DEVICE={wanted}: {error}") from None


def list_devices() -> list[dict[str, str]]:
    """What runs could train on here."""
    import torch

    found = [{"name": "cpu", "kind": "cpu", "title": f"CPU, training threads: {torch.get_num_threads()}"}]
    for index in range(torch.cuda.device_count()):
        title = torch.cuda.get_device_name(index)
        found.append({"name": f"cuda:{index}", "kind": "cuda", "title": title})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "kind": "mps", "title": "Apple GPU"})
    return found


def load_backend(options: dict[str, Any]) -> Backend:
    """The real trainers on the device of the options.

    Raises:
        SetupError: a setting does not fit this machine.
    """
    import torch

    from trainers import checkpoint
    from trainers.allocator import keep_freed_memory
    from trainers.evaluate import Evaluation
    from trainers.images import Registry, to_device
    from trainers.methods import make_trainer

    # One core stays free for the web process and the browser that draws: on two cores with software rendering,
    # a second training thread waited at every barrier and training fell to a fifth.
    torch.set_num_threads(options["threads"] or max(1, (os.cpu_count() or 1) - 1))
    keep_freed_memory()
    device = choose_device(options["device"])
    folders = {name: Path(path) for name, path in options["images"].items()}
    try:
        registry = Registry(data_dir=Path(options["data_dir"]), folders=folders)
    except ValueError as error:
        raise SetupError(f"SUSHIBELT_IMAGES: {error}") from None
    pictures: dict[str, Any] = {}

    def shared(images: Any) -> Any:
        """One copy of a set on the device, whoever trains on it."""
        if images.digest not in pictures:
            pictures[images.digest] = to_device(images, device)
        return pictures[images.digest]

    def make(config: Any, images: Any) -> Any:
        return make_trainer(config, images, device, shared(images))

    def restore(path: Path, images: Any, steps: int | None) -> Any:
        return checkpoint.load(path, images, device, pictures=shared(images), steps=steps)

    def lost(error: BaseException) -> bool:
        if isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()
            return False
        return isinstance(error, torch.AcceleratorError)

    def memory() -> dict[str, int]:
        """Bytes from the books of torch's allocator; the driver is not asked, so nothing waits."""
        if device.type == "cuda":
            total = torch.cuda.get_device_properties(device).total_memory
            taken = {"allocated": torch.cuda.memory_allocated(device), "reserved": torch.cuda.memory_reserved(device)}
            return taken | {"total": total}
        if device.type == "mps":
            taken = {"allocated": torch.mps.current_allocated_memory(), "reserved": torch.mps.driver_allocated_memory()}
            return taken | {"total": torch.mps.recommended_max_memory()}
        return host_memory()

    return Backend(
        make_trainer=make,
        make_evaluation=Evaluation,  # type: ignore[arg-type]
        take=checkpoint.take,  # type: ignore[arg-type]
        restore=restore,
        registry=registry,
        stopwatch=CudaWatch(device) if device.type == "cuda" else HostWatch(),
        device=str(device),
        devices=list_devices(),
        asynchronous=device.type != "cpu",
        lost=lost,
        memory=memory,
    )


def private_pipes() -> tuple[Any, int]:
    """stdin to read requests from and a private copy of stdout; stray prints go to stderr from here on."""
    requests = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    answers = os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if os.name == "nt":
        import msvcrt

        msvcrt.setmode(answers, os.O_BINARY)  # type: ignore[attr-defined, unused-ignore]
    return requests, answers


def die_with_the_server() -> None:
    """On Linux the kernel ends this process when the one that started it dies, even in the middle of a long call
    that keeps the thread from seeing the end of the pipe: there is never a second worker on a run."""
    if sys.platform == "linux":
        pdeathsig = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(pdeathsig, signal.SIGKILL)


def write_all(descriptor: int, data: bytes) -> None:
    """os.write until all is written."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_requests(stream: Any, inbox: queue.Queue[dict[str, Any]]) -> None:
    """Feed the loop; end the process at once when the server is gone, whatever the training does."""
    with contextlib.suppress(Exception):
        while (message := pipe.read(stream)) is not None:
            inbox.put(message[0])
    os._exit(0)


def beat(loop: Loop, outbox: Outbox) -> None:
    """Say every second that the process lives and what its training thread is at."""
    while True:
        time.sleep(BEAT_SECONDS)
        phase, since = loop.phase
        steps = {run: training.step for run, training in list(loop.runs.items())}
        busy = time.monotonic() - since
        loop.tally.ticks_replaced = outbox.replaced
        known = {
            "tally": loop.tally.message(),
            "memory": loop.backend.memory(),
            "evaluating": sum(training.evaluation is not None for training in list(loop.runs.values())),
        }
        outbox.send({"kind": "beat", "phase": phase, "busy": round(busy, 1), "steps": steps, **known})


def main() -> int:
    """Serve one server until it goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("options", type=json.loads)
    parser.add_argument("--trainers", help="module with load_backend(options), in place of the real trainers")
    arguments = parser.parse_args()
    options: dict[str, Any] = arguments.options

    die_with_the_server()
    requests, answers = private_pipes()
    for name in (signal.SIGINT, signal.SIGTERM):  # these go to the whole group; the server decides
        signal.signal(name, signal.SIG_IGN)
    logs.set_up("json", options.get("log_level", "info"))
    sys.excepthook = lambda *error: log.critical("the worker process ends by an error", exc_info=error)
    threading.excepthook = lambda args: log.critical(
        "a thread of the worker ends by an error",
        exc_info=(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback),
    )
    outbox = Outbox(lambda data: write_all(answers, data))
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=read_requests, args=(requests, inbox), name="requests", daemon=True).start()
    try:
        if arguments.trainers:
            backend: Backend = importlib.import_module(arguments.trainers).load_backend(options)
        else:
            backend = load_backend(options)
    except (SetupError, ImportError) as error:
        outbox.send({"kind": "fatal", "detail": str(error)})
        outbox.flush()
        return 1
    gallery = Gallery(backend.registry, Path(options["data_dir"]) / "cache" / "atlas", outbox, inbox.put)
    saving = Saving(backend, Path(options["data_dir"]) / "checkpoints", options["checkpoint_seconds"], inbox.put)
    loop = Loop(backend, gallery, inbox, outbox, saving, BlackBox(Path(options["box"])))
    sets = gallery.describe_all()
    outbox.send({"kind": "ready", "device": backend.device, "devices": backend.devices, "images": sets})
    threading.Thread(target=beat, args=(loop, outbox), name="beat", daemon=True).start()
    try:
        loop.forever()
    except DeviceLost as error:
        detail = f"the device was lost: {explain(error)[0]}"
        outbox.send({"kind": "dying", "detail": detail, "sure": error.sure})
        outbox.flush()
        os._exit(EXIT_DEVICE_LOST)
    outbox.flush()
    os._exit(0)  # threads that still download or draw must not hold up the end


if __name__ == "__main__":
    sys.exit(main())
