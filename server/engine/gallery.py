"""Image sets on the worker: loading, describing and drawing sheets beside the training loop.

Everything slow runs in a few threads; results go to the server directly, and loaded sets come back to
the training loop through `deliver`, because only that loop may touch runs.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from server.engine.backend import RegistryLike, explain
from server.engine.outbox import Outbox

PROGRESS_SECONDS = 1.0
Deliver = Callable[[dict[str, Any]], None]


class Gallery:
    """The registry behind threads."""

    def __init__(self, registry: RegistryLike, cache: Path, outbox: Outbox, deliver: Deliver) -> None:
        self.registry = registry
        self.cache = cache
        self.outbox = outbox
        self.deliver = deliver
        self._threads = ThreadPoolExecutor(4, "images")
        self._loading: set[str] = set()
        self._lock = threading.Lock()

    def describe_all(self) -> list[dict[str, Any]]:
        """All sets as plain data, registered folders checked. Reads headers, decodes no pictures."""
        checked = {info.name: info for info in self.registry.check()}
        return [_plain(checked.get(name) or self.registry.describe(name)) for name in self.registry.names()]

    def load(self, name: str) -> None:
        """Start loading a set; `deliver` gets {"op": "loaded", "name", "images" | "error"} in the end."""
        with self._lock:
            if name in self._loading:
                return
            self._loading.add(name)
        self._threads.submit(self._load, name)

    def _load(self, name: str) -> None:
        said = 0.0

        def progress(share: float, text: str) -> None:
            nonlocal said
            if time.monotonic() - said >= PROGRESS_SECONDS:
                said = time.monotonic()
                self.deliver({"op": "progress", "name": name, "text": f"{text} ({share:.0%})"})

        result: dict[str, Any] = {"op": "loaded", "name": name}
        try:
            result["images"] = self.registry.load(name, progress)
        except Exception as error:  # whatever is wrong with the files, the worker lives on
            result["error"] = explain(error)[0]
        with self._lock:
            self._loading.discard(name)
        self._say(name)
        self.deliver(result)

    def _say(self, name: str) -> None:
        """Tell the server how the set stands now."""
        self.outbox.send({"kind": "images", "sets": [_plain(self.registry.describe(name))]})

    def atlas(self, request: int, name: str, page: int) -> None:
        """Draw a sheet into the cache and reply with its path."""
        self._threads.submit(self._atlas, request, name, page)

    def _atlas(self, request: int, name: str, page: int) -> None:
        reply: dict[str, Any] = {"kind": "reply", "id": request}
        try:
            data = self.registry.atlas(name, page)
            digest = str(self.registry.describe(name).digest)
            if not re.fullmatch(r"[0-9a-f]{4,64}", digest):
                raise ValueError(f"images: the set {name} has no digest")
            folder = self.cache / digest
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f"{page}.{threading.get_ident()}.part"
            part.write_bytes(data)
            os.replace(part, folder / f"{page}.webp")
            reply["value"] = {"digest": digest}
            self._say(name)
        except IndexError as error:
            reply["error"] = {"code": "no_such_page", "detail": str(error)}
        except Exception as error:
            reply["error"] = {"code": "images", "detail": explain(error)[0]}
        self.outbox.send(reply)


def _plain(info: Any) -> dict[str, Any]:
    values = asdict(info)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
