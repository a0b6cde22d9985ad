"""The page's three lessons without training: the service's wire and files, its numbers made up and quick.

For what measures or tests the page itself. Every message has the form that the service gives it (server.live.wire
writes them), a queue is full from the first tick on, and ticks come on the beat whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image

from server.__main__ import listen
from server.api.catalog import settings_table
from server.live import wire
from trainers.config import KNOBS, RunConfig, setting_methods
from trainers.figures import figures_table

DIST = Path(__file__).resolve().parents[1] / "web" / "dist"
METHODS = {"bank": "memory_bank", "belt": "moco", "matrix": "simclr"}
COLUMNS, THUMB = 64, 32
PROBED = 256


@dataclass
class Stream:
    """What the lessons show, and what the page said to them.

    keys: queue length K. rows: rows of the bank. views: rows of the matrix, 2 an image. batch: images a step.
    rate: ticks a second, a step each. momentum: sets how fast consistency falls with age.
    pictures: images of the matrix whose views are sent.
    """

    keys: int = 4_096
    rows: int = 4_096
    views: int = 128
    batch: int = 64
    rate: float = 20.0
    momentum: float = 0.99
    pictures: int = 0
    step: int = 0
    sent: int = 0
    sockets: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.step = max(self.step, -(-max(self.keys, self.rows) // self.batch))

    def run(self, lesson: str) -> dict[str, Any]:
        """A run as REST shows it."""
        config = RunConfig.model_validate({"method": METHODS[lesson]}).model_dump(mode="json")
        config |= {"batch_size": self.batch, "momentum": self.momentum, "queue_length": self.keys}
        knobs = {name: config[name] for name in KNOBS if METHODS[lesson] in setting_methods(name)}
        when = "2026-01-01T00:00:00Z"
        return {
            "id": f"lesson-{lesson}", "name": lesson, "method": METHODS[lesson], "state": "running", "asleep": False,
            "reason": None, "step": self.step, "epoch": 1, "first_epoch": 1, "offset": 0, "viewers": 1,
            "created": when, "updated": when, "config": config, "knobs": knobs, "lesson": lesson, "links": {},
        }  # fmt: skip

    def catalog(self) -> dict[str, Any]:
        name, atlas = "sushi", "/api/v1/images/sushi/atlas/{page}"
        images = {"name": name, "title": "Sushi", "count": self.rows, "state": "ready", "classes": [], "digest": ""}
        return {
            "version": "0", "methods": [], "presets": [], "encoders": [], "device": "cpu", "devices": [],
            "images": [images | {"atlas": atlas, "atlas_columns": COLUMNS, "thumb": THUMB}],
            "settings": {name: one.model_dump(mode="json") for name, one in settings_table().items()},
            "figures": figures_table(),
            "lessons": {lesson: f"lesson-{lesson}" for lesson in METHODS},
        }  # fmt: skip

    def tick(self, lesson: str, step: int, snapshot: bool) -> bytes:
        """The frame of a step; a change holds the newest second of writes, a snapshot all."""
        scalars: dict[str, Any] = {
            "batch_size": self.batch, "steps_per_second": self.rate, "images_per_second": self.rate * self.batch,
            "loss": 2.0 + 1.0 / step, "accuracy": 0.5, "collapse_std": 1.0, "learning_rate": 0.03,
        }  # fmt: skip
        sections: dict[str, np.ndarray[Any, Any]] = {}
        if lesson == "matrix":
            if snapshot or step % 10 == 0:
                sections = self.matrix(step)
                scalars |= {"matrix_step": step, "views_step": step}
        else:
            size = self.keys if lesson == "belt" else self.rows
            written = step * self.batch
            count = min(written, size) if snapshot else min(size, int(self.rate) * self.batch, written)
            serial = np.arange(written - count, written)
            oldest = (size - 1) // self.batch
            probe = step // 10 * 10  # what a probe measured at this step holds until the next
            sections = {"dict.image": (serial % self.rows).astype(np.uint32)}
            sections["dict.step"] = (serial // self.batch + 1).astype(np.uint32)
            age = np.unique(np.linspace(0, oldest, min(oldest + 1, 32)).astype(np.uint32))
            # Every probe a little other, as measured ones are.
            held = (self.momentum ** (age * 0.15) - 0.02 * (1 + np.sin(probe))).astype(np.float32)
            sections |= {"curve.age": age, "curve.consistency": held, "curve.drift": held}
            sections["curve.count"] = np.full(len(age), 8, np.uint32)
            sampled = np.linspace(written - min(size, written), written - 1, PROBED).astype(np.uint32)
            sections |= {"probe.serial": sampled % self.rows if lesson == "bank" else sampled}
            sections["probe.age"] = (step - sampled // self.batch - 1).astype(np.uint32)
            sections["probe.cosine"] = np.full(PROBED, 0.9, np.float32)
            sections["probe.image"] = (sampled % self.rows).astype(np.uint32)
            scalars |= {
                "dict_written": written, "dict_size": size, "dict_fill": min(size, written), "momentum": self.momentum,
                "oldest_age": oldest, "consistency": float(held.mean()), "drift_cosine": 0.9, "other_cosine": 0.1,
                "probe_n": PROBED, "probe_step": probe, "query_key_gap": 0.98, "gradient_agreement": 0.8,
            }  # fmt: skip
        return wire.encode(
            run=f"lesson-{lesson}", epoch=1, offset=step, step=step, time=time.time(), snapshot=snapshot,
            scalars=scalars, sections=sections,
        )  # fmt: skip

    def matrix(self, step: int) -> dict[str, np.ndarray[Any, Any]]:
        """Cosines of made-up views: the two of an image alike, with a few false friends."""
        dice, images = np.random.default_rng(step), self.views // 2
        base = dice.normal(size=(images, 16))
        views = np.concatenate([base, base]) + 0.5 * dice.normal(size=(self.views, 16)) + 0.6
        views /= np.linalg.norm(views, axis=1, keepdims=True)
        cosines = np.clip(np.rint((views @ views.T + 1) * 127.5), 0, 255).astype(np.uint8)
        sections: dict[str, np.ndarray[Any, Any]] = {"matrix": cosines}
        sections["matrix.image"] = (np.arange(images) * 7 % self.rows).astype(np.uint32)
        if self.pictures:
            shape = (2, min(self.pictures, images), THUMB, THUMB, 3)
            sections["views"] = dice.integers(0, 256, shape, np.uint8)
        return sections

    async def beat(self) -> None:
        """A step each 1 / rate seconds, for ever."""
        due = time.monotonic()
        while True:
            due = max(due + 1 / self.rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            self.step += 1

    async def serve(self, socket: WebSocket, lesson: str) -> None:
        """One viewer: hello, a snapshot, then the newest step whenever there is one and somebody looks."""
        await socket.accept()
        self.sockets += 1
        state = {"visible": True, "snapshot": True}

        async def hear() -> None:
            while True:
                said = json.loads(await socket.receive_text())
                self.heard.append({"lesson": lesson, **said})
                state["visible"] = said.get("visible", state["visible"])
                state["snapshot"] |= said["kind"] == "snapshot" or said.get("visible") is True

        hello = {"kind": "hello", "epoch": 1, "offset": self.step, "previous": None, "run": self.run(lesson)}
        hearing = asyncio.create_task(hear())
        try:
            await socket.send_text(json.dumps(hello | {"sections": [], "rate": self.rate}))
            shown, size = 0, 0
            while not hearing.done():
                if state["visible"] and (self.step != shown or state["snapshot"]):
                    whole = state["snapshot"] or size != self.keys or self.step - shown > self.rate
                    shown, size, state["snapshot"] = self.step, self.keys, False
                    await socket.send_bytes(self.tick(lesson, shown, whole))
                    self.sent += 1
                await asyncio.sleep(0.25 / self.rate)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.sockets -= 1
            hearing.cancel()


def picture(page: int) -> bytes:
    """A sheet of made-up pictures, a coloured disc each."""
    dice = np.random.default_rng(page)
    y, x = np.mgrid[:THUMB, :THUMB] - (THUMB - 1) / 2
    disc = ((x**2 + y**2) < 110)[None, None, :, :, None]
    colours = dice.integers(40, 230, (2, COLUMNS, COLUMNS, 1, 1, 3))
    sheet = np.where(disc, colours[0], colours[1]).astype(np.uint8)
    side = COLUMNS * THUMB
    out = io.BytesIO()
    Image.fromarray(sheet.transpose(0, 2, 1, 3, 4).reshape(side, side, 3)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def make_app(stream: Stream, pages: dict[str, str]) -> FastAPI:
    """The service's routes that the page uses; `pages` are further HTML pages by path."""
    app, sheets = FastAPI(), dict[int, bytes]()

    def lesson_of(run: str) -> str:
        lesson = run.removeprefix("lesson-")
        if lesson not in METHODS:
            raise HTTPException(404, f"there is no run {run!r}")
        return lesson

    @app.get("/api/v1/catalog")
    async def catalog() -> dict[str, Any]:
        return stream.catalog()

    @app.get("/api/v1/runs/{run}")
    async def one(run: str) -> dict[str, Any]:
        return stream.run(lesson_of(run))

    @app.patch("/api/v1/runs/{run}/knobs")
    async def knobs(run: str, change: dict[str, Any]) -> dict[str, Any]:
        stream.keys = int(change.get("queue_length", stream.keys))
        stream.step = max(stream.step, -(-stream.keys // stream.batch))
        stream.momentum = float(change.get("momentum", stream.momentum))
        return {"knobs": stream.run(lesson_of(run))["knobs"] | change, "step": stream.step}

    @app.get("/api/v1/runs/{run}/events")
    async def events(run: str) -> dict[str, Any]:
        return {"events": [], "next": None}

    @app.get("/api/v1/images/sushi/atlas/{page}")
    async def atlas(page: int) -> Response:
        sheets[page] = sheets.get(page) or picture(page)
        return Response(sheets[page], media_type="image/png")

    @app.websocket("/api/v1/runs/{run}/live")
    async def live(socket: WebSocket, run: str) -> None:
        await stream.serve(socket, lesson_of(run))

    @app.get("/pages/{name}")
    async def page(name: str) -> HTMLResponse:
        return HTMLResponse(pages[name])

    app.mount("/", StaticFiles(directory=DIST, html=True))
    return app


@contextlib.contextmanager
def streaming(stream: Stream, pages: dict[str, str] | None = None) -> Iterator[str]:
    """Address of the page on that stream, served by a thread; stopped at the end. web/dist must be built."""
    with listen("127.0.0.1", 0) as bound:
        config = uvicorn.Config(make_app(stream, pages or {}), log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)

        async def serve() -> None:
            beating = asyncio.create_task(stream.beat())
            await server.serve(sockets=[bound])
            beating.cancel()

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
