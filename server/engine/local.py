"""Runs train in one worker process beside the service; it is watched and replaced when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from server.engine import black_box, pipe
from server.engine.base import EngineGone, EngineRefusal, Figures, Launch, Listener, Loss, Message, Watch
from server.engine.last_words import read_lines
from server.observing.counts import WorkerTally
from server.observing.logs import relay
from server.settings import REPOSITORY, Settings

log = logging.getLogger("sushibelt")
worker_log = logging.getLogger("sushibelt.worker")

START_SECONDS = 180.0  # importing torch from a cold disk is slow
SILENT_SECONDS = 30.0  # no heartbeat, or the training thread stuck outside a step
STEP_SECONDS = 600.0  # one step (or one build of a trainer) may take this long
BACKOFF = (0.2, 1.0, 3.0, 10.0, 30.0)
STEADY_SECONDS = 60.0  # a worker that lived so long starts the backoff anew
DRAIN_SECONDS = 5.0  # for last checkpoints when the service stops
STOP_SECONDS = DRAIN_SECONDS + 1.5
REPLY_SECONDS = 60.0
LAST_WORDS_SECONDS = 0.5
EVALUATE_SECONDS = 86_400.0  # it waits for its turn; whatever ends it is answered, also the worker's death
CRASHES = frozenset({4, 6, 7, 8, 11})  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: what code does to itself
PENDING_LIMIT = 1_000
UNREAD_LIMIT = 4 << 20


class LocalEngine:
    """One supervised worker process. Implements server.engine.base.Engine."""

    def __init__(self, settings: Settings, worker_arguments: Sequence[str] = ()) -> None:
        self._options: dict[str, Any] = {
            "device": settings.device,
            "threads": settings.threads,
            "data_dir": str(settings.data_dir),
            "images": {name: str(path) for name, path in settings.images.items()},
            "checkpoint_seconds": settings.checkpoint_seconds,
            "box": str(settings.data_dir / "worker.at"),
            "log_level": settings.log_level,
        }
        self._box = settings.data_dir / "worker.at"
        self._arguments = list(worker_arguments)
        self._listener: Listener | None = None
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._serial = 0
        self._closing = self._draining = False
        self._drained_at = 0.0
        self._own = False
        self._ready = asyncio.Event()
        self._settled = asyncio.Event()
        self._last_beat = 0.0
        self._why = ""
        self._fatal: str | None = None
        self._device = ""
        self._devices: list[dict[str, str]] = []
        self._images: dict[str, dict[str, Any]] = {}
        self._restarts = 0
        self._past = WorkerTally()
        self._beat: Message = {}

    # What is known

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    @property
    def fatal(self) -> str | None:
        return self._fatal

    @property
    def device(self) -> str:
        return self._device

    @property
    def devices(self) -> list[dict[str, str]]:
        return self._devices

    @property
    def images(self) -> dict[str, dict[str, Any]]:
        return self._images

    @property
    def figures(self) -> Figures:
        tally = WorkerTally()
        for part in (self._past.message(), self._beat.get("tally")):
            if part is not None:
                tally.take_in(part)
        silence = time.monotonic() - self._last_beat if self._last_beat else 0.0
        memory, evaluating = self._beat.get("memory", {}), self._beat.get("evaluating", 0)
        return Figures(tally, memory, evaluating, self._restarts, silence)

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid if self._process is not None else None

    async def wait_ready(self, seconds: float) -> bool:
        """Wait until the worker takes runs; False if that takes too long or will never be."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), seconds)
        return self.ready

    # Life

    async def start(self, listener: Listener) -> None:
        """Start the worker; returns at once."""
        self._listener = listener
        self._supervisor = asyncio.create_task(self._supervise(), name="worker supervisor")

    def drain(self) -> None:
        """Ask the worker to save what is not saved and to go."""
        self._closing = True
        process = self._process
        if self._draining or process is None or process.returncode is not None:
            return
        self._draining, self._drained_at = True, time.monotonic()
        with contextlib.suppress(EngineGone):
            self._send({"op": "quit", "seconds": DRAIN_SECONDS})

    async def stop(self) -> None:
        """Drain, hear the worker to its end, or make an end."""
        self.drain()
        process = self._process
        if process is not None and process.returncode is None:
            try:
                left = self._drained_at + STOP_SECONDS - time.monotonic()
                await asyncio.wait_for(process.wait(), max(0.1, left))
            except TimeoutError:
                _kill(process)
        if self._supervisor is not None:
            # It reads on to the end of the pipe: the last checkpoints are noted there.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._supervisor), 1.0)
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        if self._process is not None and self._process.returncode is None:
            _kill(self._process)
            await self._process.wait()
        self._fail_pending("the service is going down")

    async def _supervise(self) -> None:
        assert self._listener is not None
        failures = 0
        while not self._closing:
            started = time.monotonic()
            how = await self._one_life()
            self._ready.clear()
            if self._fatal is None:
                self._settled.clear()
            self._fail_pending(how)
            if self._beat:
                self._past.take_in(self._beat["tally"])
                self._beat = {}
            if self._closing:
                return
            self._restarts += 1
            run = black_box.read(self._box)
            log.error("%s%s", how, f" while run {run} was at work" if run else "")
            try:
                await self._listener.on_lost(Loss(how, run, outside=not self._own))
            except Exception:
                log.exception("the loss of the worker could not be told")
            if self._fatal is not None:
                self._settled.set()
                return
            failures = 0 if time.monotonic() - started > STEADY_SECONDS else failures + 1
            await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF)) - 1] if failures else BACKOFF[0])

    async def _one_life(self) -> str:
        """Start a worker, hear it to its end; says how it ended."""
        self._why, self._own, self._last_beat = "", False, time.monotonic()
        try:
            black_box.clear(self._box)
            command = [sys.executable, "-m", "server.engine.worker", json.dumps(self._options)]
            process = await asyncio.create_subprocess_exec(
                *command, *self._arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=1 << 20, cwd=REPOSITORY
            )
        except OSError as error:
            return f"the worker process could not be started: {error}"
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        watchdog = asyncio.create_task(self._watchdog(process), name="worker watchdog")
        words = read_lines(process.stderr, lambda line: relay(line, worker_log))
        listening = asyncio.create_task(words, name="worker log")
        try:
            while (message := await pipe.read_async(process.stdout)) is not None:
                await self._hear(*message)
        except (pipe.PipeError, ValueError) as error:
            self._why = f"the worker process wrote something unreadable ({error})"
        except Exception:
            log.exception("a message of the worker could not be handled")
            self._why = "the service could not handle a message of the worker process; see its log"
        finally:
            watchdog.cancel()
            if not self._closing:
                # End of its output means that it is going; a process that stays after that is stuck.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 1.0 if not self._why else 0.01)
                _kill(process)
        code = await process.wait()
        await asyncio.wait({listening}, timeout=LAST_WORDS_SECONDS)  # a child of its own may hold the pipe open
        listening.cancel()
        self._own = self._own or (not self._why and -code in CRASHES)
        return self._why or _ending(code)

    async def _watchdog(self, process: Process) -> None:
        while True:
            await asyncio.sleep(1.0)
            silent = time.monotonic() - self._last_beat
            if silent > (SILENT_SECONDS if self.ready else START_SECONDS):
                self._why = f"the worker process said nothing for {silent:.0f} seconds"
                _kill(process)

    # Messages

    async def _hear(self, message: Message, payload: bytes) -> None:
        listener, kind = self._listener, message["kind"]
        assert listener is not None
        self._last_beat = time.monotonic()
        if kind == "tick":
            await listener.on_tick(message, payload)
        elif kind == "event":
            await listener.on_event(message)
        elif kind == "metrics":
            await listener.on_metrics(message, payload)
        elif kind == "checkpoint":
            await listener.on_checkpoint(message)
        elif kind == "reply":
            self._resolve(message)
        elif kind == "beat":
            self._beat = message
            self._check_busy(message)
            await listener.on_steps(message["steps"])
        elif kind == "images":
            self._images.update({entry["name"]: entry for entry in message["sets"]})
        elif kind == "ready":
            self._device, self._devices = message["device"], message["devices"]
            self._images = {entry["name"]: entry for entry in message["images"]}
            self._ready.set()
            self._settled.set()
            # Launching asks the worker and waits for its reply, which only this task can read.
            self._ready_task = asyncio.create_task(listener.on_ready(), name="engine ready")
        elif kind == "fatal":
            self._fatal = self._why = message["detail"]
        elif kind == "dying":
            self._why, self._own = message["detail"], message["sure"]
        else:
            raise pipe.PipeError(f"message of kind {kind!r}")

    def _check_busy(self, message: Message) -> None:
        limit = STEP_SECONDS if message["phase"] == "step" else SILENT_SECONDS
        if message["busy"] > limit and self._process is not None:
            self._why = f"the worker process hung for {message['busy']:.0f} seconds"
            self._own = message["phase"] == "step"
            _kill(self._process)

    def _resolve(self, message: Message) -> None:
        future = self._pending.pop(message["id"], None)
        if future is None or future.done():
            return
        error = message.get("error")
        if error is None:
            future.set_result(message.get("value"))
        else:
            future.set_exception(EngineRefusal(error["code"], error["detail"]))

    def _fail_pending(self, how: str) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(EngineGone(how))
        self._pending.clear()

    def _send(self, message: Message) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            raise EngineGone("the worker process is not running")
        if process.stdin.transport.get_write_buffer_size() > UNREAD_LIMIT:
            raise EngineGone("the worker process reads no requests")
        process.stdin.write(pipe.pack(message))

    async def _ask(self, op: str, seconds: float = REPLY_SECONDS, **fields: Any) -> Any:
        if not self.ready or self._closing:
            raise EngineGone("the worker process is starting")
        if len(self._pending) >= PENDING_LIMIT:
            raise EngineGone("too many requests wait for the worker process")
        self._serial += 1
        number = self._serial
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        try:
            self._send({"op": op, "id": number, **fields})
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            raise EngineGone(f"the worker process did not answer within {seconds:.0f} seconds") from None
        finally:
            self._pending.pop(number, None)

    # Requests

    async def launch(self, launch: Launch) -> dict[str, Any]:
        """Start a run; its state right after."""
        return dict(await self._ask("start", **asdict(launch)))

    async def drop(self, run: str) -> None:
        """Forget a run. All that it said before is heard when this returns."""
        await self._ask("drop", STEP_SECONDS, run=run)  # it may have to wait for another run's long step

    async def command(self, run: str, command: str, **arguments: Any) -> dict[str, Any]:
        """Pause, resume, step, stop or evaluate; the run's state after it."""
        seconds = EVALUATE_SECONDS if command == "evaluate" else REPLY_SECONDS
        return dict(await self._ask("command", seconds, run=run, command=command, **arguments))

    async def knobs(self, run: str, change: dict[str, Any]) -> int:
        """Change knobs; the first step under them."""
        return int((await self._ask("knobs", run=run, change=change))["step"])

    async def snapshot(self, run: str, sections: tuple[str, ...]) -> None:
        """Ask for a tick with the whole dictionary; it comes to the listener before this returns."""
        await self._ask("snapshot", run=run, sections=sections)

    async def atlas(self, name: str, page: int) -> str:
        """Draw a sheet into the cache; the digest of its set."""
        return str((await self._ask("atlas", 600.0, name=name, page=page))["digest"])

    def say(self, run: str, type_: str, **fields: Any) -> None:
        """Let the run say an event. Lost when there is no worker."""
        if self.ready:
            with contextlib.suppress(EngineGone):
                self._send({"op": "say", "run": run, "type": type_, "fields": fields})

    def watch(self, run: str, watch: Watch) -> None:
        """Say what the viewers of a run ask for. Lost when there is no worker: a launch says it again."""
        if self.ready:
            with contextlib.suppress(EngineGone):
                self._send({"op": "watch", "run": run, "watch": asdict(watch)})


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _ending(code: int) -> str:
    if code < 0:
        return f"the worker process was killed by signal {-code}"
    return f"the worker process ended by itself with code {code}"
