"""The server that benchmarks.fanout measures, in a process of its own: `python -m benchmarks.fanout_server KIND ...`.

Kinds: `lines` is our service with its fan-out, `plain` the same with Starlette's `send_bytes` a viewer,
`websockets` is websockets.broadcast, the fastest that a library offers; these publish ticks of a given size at
a given rate, the time of publication in their last 8 bytes. `training` is the whole service, worker and all.
The port comes as the first line of stdout; then each line on stdin is answered with what the process has used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, broadcast, serve

from server.__main__ import listen, make_server
from server.app import create_app
from server.engine.base import Figures, Launch, Listener, Watch
from server.live import wire
from server.live.viewer import Tick
from server.runs import Run
from server.service import Service
from server.settings import Settings
from trainers.config import RunConfig

RUN = "bench"
STALL_SECONDS = 5.0
PLAIN = {"ws": "websockets-sansio"}


class NoEngine:
    """Trains nothing. Implements server.engine.base.Engine."""

    ready, fatal, device = False, None, "cpu"
    devices: list[dict[str, str]] = []  # noqa: RUF012
    images: dict[str, dict[str, Any]] = {}  # noqa: RUF012
    figures = Figures()

    async def start(self, listener: Listener) -> None: ...
    def drain(self) -> None: ...
    async def stop(self) -> None: ...
    async def wait_ready(self, seconds: float) -> bool:
        return False

    async def launch(self, launch: Launch) -> dict[str, Any]:
        return {}

    async def drop(self, run: str) -> None: ...
    async def command(self, run: str, command: str, **arguments: Any) -> dict[str, Any]:
        return {}

    async def knobs(self, run: str, change: dict[str, Any]) -> int:
        return 0

    async def snapshot(self, run: str, sections: tuple[str, ...]) -> None: ...
    async def atlas(self, name: str, page: int) -> str:
        return ""

    def watch(self, run: str, watch: Watch) -> None: ...
    def say(self, run: str, type_: str, **fields: Any) -> None: ...


def make_frame(number: int, size: int) -> bytes:
    """A tick of about `size` bytes as the worker makes them, with the present time at its end."""
    sections = {"matrix": np.zeros(size - 8, np.uint8), "published": np.zeros(8, np.uint8)}
    frame = wire.encode(
        run=RUN, epoch=1, offset=number, step=number, time=0, snapshot=False, scalars={"loss": 1.0}, sections=sections
    )
    return frame[:-8] + struct.pack("<d", time.monotonic())


async def publish(rate: float, size: int, give: Callable[[int, bytes], None]) -> None:
    """Publish for ever, on the beat; a beat that was missed is not made up for, as a worker does not either."""
    beat, number = time.monotonic(), 0
    while True:
        number += 1
        give(number, make_frame(number, size))
        beat = max(beat + 1 / rate, time.monotonic())
        await asyncio.sleep(beat - time.monotonic())


def give_hub(service: Service) -> Callable[[int, bytes], None]:
    """A run that nobody trains, and how to say what it does."""
    run = Run(RUN, RUN, RunConfig(method="simclr"), state="running")
    service.runs[RUN] = run
    service.hub.open(RUN, run.epoch, 0)

    def give(number: int, frame: bytes) -> None:
        sections = frozenset({"matrix"})
        service.hub.publish(RUN, Tick(run.epoch, number, number, False, True, False, None, None, sections, frame))

    return give


def used(viewers: int) -> dict[str, float | None]:
    """Processor seconds, resident bytes (None where the system does not say), viewers."""
    try:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        resident = None
    return {"cpu": time.process_time(), "resident": resident, "viewers": viewers}


async def answer(viewers: Callable[[], int]) -> None:
    """Answer each line of stdin until it ends."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        print(json.dumps(used(viewers())), flush=True)


async def serve_ours(kind: str, rate: float, size: int, settings: Settings) -> None:
    """Our service until stdin ends."""
    app = create_app(settings, engine=None if kind == "training" else NoEngine())
    server = make_server(app, **PLAIN if kind == "plain" else {})
    with listen("127.0.0.1", 0) as bound:
        async with app.router.lifespan_context(app):
            service: Service = app.state.service
            tasks = [asyncio.create_task(server.serve(sockets=[bound]))]
            if kind != "training":
                tasks.append(asyncio.create_task(publish(rate, size, give_hub(service))))
            print(bound.getsockname()[1], flush=True)
            await answer(lambda: service.hub.viewers)
            server.should_exit = True
            await tasks[0]
            for task in tasks:
                task.cancel()


async def serve_websockets(rate: float, size: int) -> None:
    """websockets.broadcast until stdin ends."""
    viewers: set[ServerConnection] = set()

    async def hold(viewer: ServerConnection) -> None:
        viewers.add(viewer)
        try:
            await viewer.wait_closed()
        finally:
            viewers.discard(viewer)

    async with serve(hold, "127.0.0.1", 0, compression=None, backlog=2048) as server:
        publishing = asyncio.create_task(publish(rate, size, lambda _, frame: broadcast(viewers, frame)))
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await answer(lambda: len(viewers))
        publishing.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("lines", "plain", "websockets", "training"))
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--size", type=int, default=8_192)
    parser.add_argument("--data", type=Path, required=True, help="an empty folder")
    options = parser.parse_args()
    if options.kind == "websockets":
        asyncio.run(serve_websockets(options.rate, options.size))
        return
    settings = Settings(
        data_dir=options.data, lessons=False, max_viewers=100_000, viewer_stall_seconds=STALL_SECONDS, recording_mb=0
    )
    asyncio.run(serve_ours(options.kind, options.rate, options.size, settings))


if __name__ == "__main__":
    main()
