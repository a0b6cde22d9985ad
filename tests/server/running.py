"""A whole service on a free port, in a thread of the test process, and a viewer of its live socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from server.__main__ import listen, make_server
from server.app import create_app
from server.engine.local import LocalEngine
from server.live import wire
from server.live.messages import SENT
from server.service import Service
from server.settings import Settings

PLAIN = {"ws": "websockets-sansio"}
"""uvicorn's own protocol: viewers are sent to by plain ASGI, as under any other server."""
FAKE = ("--trainers", "tests.server.fake_trainers")


class Running:
    """A running service. `http` speaks REST to it, `live` opens a viewer. `uvicorn`: options of its Config."""

    def __init__(
        self, data_dir: Path, *, fake: bool = True, uvicorn: Mapping[str, Any] = MappingProxyType({}), **settings: Any
    ) -> None:
        self.socket = listen("127.0.0.1", 0)
        port = self.socket.getsockname()[1]
        values = {"host": "127.0.0.1", "port": port, "data_dir": data_dir, "threads": 1, "device": "cpu"}
        self.settings = Settings(**{**values, **settings})
        self.url = f"http://127.0.0.1:{port}"
        self.engine = LocalEngine(self.settings, FAKE if fake else ())
        self.patience = 60 if fake else 180  # seconds: a worker that trains loads PyTorch first
        self.app = create_app(self.settings, engine=self.engine)
        self.server = make_server(self.app, **uvicorn)
        self.http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=60)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread = threading.Thread(target=self._run)

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    def _run(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            async with self.app.router.lifespan_context(self.app):
                await self.server.serve(sockets=[self.socket])

        with self.socket:
            asyncio.run(serve())

    def __enter__(self) -> Running:
        self.thread.start()
        until(lambda: self.server.started or not self.thread.is_alive(), 30)
        try:
            return self.ready(self.patience)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.http.close()
        assert not self.thread.is_alive(), "the service did not stop"

    def ready(self, seconds: float = 60) -> Running:
        until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200, seconds)
        return self

    def create(self, **config: Any) -> dict[str, Any]:
        answer = self.http.post("/runs", json={"method": "moco", "batch_size": 4, **config})
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def run(self, run: str) -> dict[str, Any]:
        return self.http.get(f"/runs/{run}").json()  # type: ignore[no-any-return]

    def command(self, run: str, command: str, **fields: Any) -> dict[str, Any]:
        answer = self.http.post(f"/runs/{run}/commands", json={"command": command, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def events(self, run: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.http.get(f"/runs/{run}/events", params={"limit": 1000, **query}).json()
        return answer["events"]  # type: ignore[no-any-return]

    def becomes(self, run: str, state: str, seconds: float = 20) -> dict[str, Any]:
        until(lambda: self.run(run)["state"] == state, seconds, lambda: self.run(run))
        return self.run(run)

    @contextlib.contextmanager
    def live(self, run: str, query: str = "", **options: Any) -> Iterator[ViewerClient]:
        url = f"{self.url.replace('http', 'ws')}/api/v1/runs/{run}/live{query}"
        with connect(url, compression=None, max_size=None, **options) as socket:
            yield ViewerClient(socket)


class ViewerClient:
    """Reads messages of a live socket and keeps a dictionary as a browser would."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.texts: list[dict[str, Any]] = []
        self.frames: list[wire.Frame] = []
        self.held: int | None = None

    def read(self, seconds: float = 10) -> dict[str, Any] | wire.Frame:
        message = self.socket.recv(timeout=seconds)
        if isinstance(message, str):
            self.texts.append(checked(message))
            return self.texts[-1]
        frame = wire.decode(message)
        self.frames.append(frame)
        if "dict.step" in frame.sections:
            written = frame.scalars["dict_written"]
            assert isinstance(written, int)
            first = written - len(frame.sections["dict.step"])
            assert frame.snapshot or (self.held is not None and first <= self.held), "a hole in the dictionary"
            self.held = written
        return frame

    def until_frame(self, wanted: Callable[[wire.Frame], bool] = lambda _: True, seconds: float = 10) -> wire.Frame:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.read(seconds)
            if isinstance(message, wire.Frame) and wanted(message):
                return message
        raise AssertionError("the frame did not come")

    def until_text(self, kind: str, type_: str | None = None, seconds: float = 10) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.read(seconds)
            if not isinstance(message, dict) or message["kind"] != kind:
                continue
            if type_ is None or message["event"]["type"] == type_:
                return message
        raise AssertionError(f"{kind} {type_} did not come")

    def until_closed(self, seconds: float = 10) -> int:
        """Read on until the socket is closed; its close code."""
        while True:
            try:
                self.read(seconds)
            except ConnectionClosed as error:
                return error.rcvd.code if error.rcvd is not None else 1006

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))


def checked(text: str) -> dict[str, Any]:
    """A text message that is exactly as it is described: no field more, none less."""
    message: dict[str, Any] = json.loads(text)
    [model] = [model for model in SENT if model.model_fields["kind"].annotation.__args__[0] == message["kind"]]
    model.model_validate(message)
    return message


def until(condition: Callable[[], Any], seconds: float = 10, show: Callable[[], Any] = lambda: "") -> None:
    """Wait for a condition; fail with what `show` says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if condition():
                return
        time.sleep(0.03)
    raise AssertionError(f"did not happen within {seconds} seconds: {show()}")
