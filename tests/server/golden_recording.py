"""A small recording, always the same bytes, that the tests of server and page both read.

`python -m tests.server.golden_recording` writes tests/contract/recording.sbr.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from server.live import wire
from server.recordings import format as sbr

PATH = Path(__file__).resolve().parents[1] / "contract" / "recording.sbr"
RUN = "r0123456789ab"
BEGAN = 1_764_000_000.0
SHEET = base64.b64decode("UklGRh4AAABXRUJQVlA4TBEAAAAvAUAAAAdQwOpXrv+BiOh/AAA=")

LINKS = {"self": "", **{name: f"/{name}" for name in ("live", "knobs", "commands", "metrics", "events", "tick")}}
RESOURCE: dict[str, Any] = {
    "id": RUN,
    "name": "moco on sushi",
    "method": "moco",
    "state": "running",
    "asleep": False,
    "reason": None,
    "step": 3,
    "epoch": 1,
    "offset": 4,
    "viewers": 0,
    "created": "2025-11-24T16:00:00.000Z",
    "updated": "2025-11-24T16:00:01.000Z",
    "config": {"method": "moco", "images": "sushi", "batch_size": 4, "queue_length": 8, "momentum": 0.99, "seed": 0},
    "knobs": {"momentum": 0.5, "queue_length": 8},
    "lesson": None,
    "links": {name: f"/api/v1/runs/{RUN}{path}" for name, path in {**LINKS, "recording": "/recording"}.items()},
}
CATALOG: dict[str, Any] = {
    "version": "0.1.0",
    "methods": [
        {
            "name": "moco",
            "title": "MoCo",
            "knobs": ["momentum", "queue_length"],
            "defaults": {"momentum": 0.99, "queue_length": 4096},
            "phases": [{"name": "views", "sentence": "Random views of the batch's images are drawn."}],
        }
    ],
    "presets": [],
    "images": [
        {
            "name": "sushi",
            "title": "Sushi",
            "kind": "builtin",
            "state": "ready",
            "error": None,
            "count": 4,
            "classes": ["nigiri", "maki"],
            "size": 32,
            "digest": "abcdef0123456789",
            "source": "drawn by Sushibelt",
            "licence": "MIT",
            "page_count": 1,
            "notes": [],
            "atlas": "/api/v1/images/sushi/atlas/{page}?v=abcdef0123456789",
            "atlas_columns": 64,
            "thumb": 32,
        }
    ],
    "encoders": ["small"],
    "settings": {
        "momentum": {
            "title": "Momentum",
            "description": "Share of the key encoder that stays each step.",
            "default": 0.99,
            "minimum": 0.0,
            "maximum": 1.0,
            "step": 0.001,
            "unit": "",
            "methods": ["moco"],
            "live": True,
            "type": "number",
            "choices": None,
        }
    },
    "figures": {
        "loss": {
            "name": "loss",
            "title": "Loss",
            "formula": "mean over the batch of -log softmax(q.k / T) at the positive",
            "sample": "the last batch",
            "unit": "nats",
            "low": 0,
            "high": None,
            "source": "He 2020, eq. 1",
            "methods": ["moco"],
            "shape": "",
        }
    },
    "device": "cpu",
    "devices": [{"name": "cpu", "kind": "cpu", "title": "CPU"}],
    "lessons": {},
}


def tick(offset: int, step: int, after: int | None, seconds: float) -> bytes:
    """A frame of a run that writes 4 keys a step into a queue of 8: all of it, or what came after `after` writes."""
    written = 4 * step
    first = max(0, written - 8) if after is None else after
    serial = np.arange(first, written, dtype=np.uint32)
    return wire.encode(
        run=RUN,
        epoch=1,
        offset=offset,
        step=step,
        time=BEGAN + seconds,
        snapshot=after is None,
        scalars={"step": step, "loss": 2 / step, "momentum": 0.99 if step < 3 else 0.5, "dict_written": written}
        | {"dict_fill": min(8, written), "dict_size": 8, "consistency": 1 - step / 8},
        sections={"dict.image": serial % 4, "dict.step": serial // 4 + 1},
    )


def event(offset: int, step: int, seconds: float) -> bytes:
    """The knob that makes the key encoder follow too fast."""
    body = {"type": "knobs", "step": step, "time": BEGAN + seconds, "knobs": {"momentum": 0.5}}
    return wire.text("event", epoch=1, offset=offset, event=body).encode()


def build() -> bytes:
    """The whole file."""
    parts = [
        (sbr.SHEET, 0.0, 0, 0, 0, SHEET),
        (sbr.SNAPSHOT, 0.0, 1, 1, 1, tick(1, 1, None, 0)),
        (sbr.CHANGE, 0.5, 1, 2, 2, tick(2, 2, 4, 0.5)),
        (sbr.EVENT, 0.75, 1, 3, 2, event(3, 2, 0.75)),
        (sbr.CHANGE, 1.0, 1, 4, 3, tick(4, 3, 4, 1)),
    ]
    records = [sbr.Record(*numbers, len(data)) for *numbers, data in parts]
    head = sbr.encode_head(RESOURCE, CATALOG, BEGAN + 2, records)
    return b"".join((head, *(part[-1] + bytes(-len(part[-1]) % 8) for part in parts)))


if __name__ == "__main__":
    PATH.write_bytes(build())
    print(json.dumps(sbr.decode(build()).header)[:200], len(build()))
