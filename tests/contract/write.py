"""The golden frames and messages, and the AsyncAPI document: `python -m tests.contract.write` writes them anew.

Python reads them in tests/contract/test_golden.py, TypeScript in web/src/wire/golden.test.ts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from server.api.schemas import RunResource
from server.live import wire
from server.live.asyncapi import describe
from server.runs import Run
from trainers.config import RunConfig

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs" / "asyncapi.yaml"


def words(*numbers: int) -> wire.Array:
    return np.array(numbers, np.uint32)


def floats(*numbers: float) -> wire.Array:
    return np.array(numbers, np.float32)


def octets(*shape: int) -> wire.Array:
    return (np.arange(np.prod(shape)) * 7 % 256).astype(np.uint8).reshape(shape)


LOSS = {"step": 12, "loss": np.float32(1.5), "accuracy": 0.25, "consistency": None, "momentum": 0.99}
QUEUE = {"dict_size": 6, "dict_fill": 6, "oldest_age": 2}
FRAMES: dict[str, dict[str, Any]] = {
    "queue-snapshot": {
        "snapshot": True,
        "scalars": LOSS | QUEUE | {"dict_written": 48, "probe_n": 2, "probe_step": 11},
        "sections": {
            "dict.image": words(0, 1, 2, 3, 4_999, 4_000_000_000),
            "dict.step": words(10, 10, 11, 11, 12, 12),
            "probe.age": words(0, 2),
            "probe.cosine": floats(1.0, -0.5),
        },
    },
    "queue-change": {
        "snapshot": False,
        "scalars": LOSS | QUEUE | {"dict_written": 50},
        "sections": {"dict.image": words(7, 8), "dict.step": words(13, 13)},
    },
    "bank-snapshot": {
        "snapshot": True,
        "scalars": LOSS | {"dict_size": 5, "dict_fill": 5, "dict_written": 5},
        "sections": {"dict.image": words(0, 1, 2, 3, 4), "dict.step": words(0, 0, 12, 0, 3)},
    },
    "matrix-views": {
        "snapshot": True,
        "scalars": {"step": 12, "loss": 1.5, "matrix_step": 12, "views_step": 12},
        "sections": {
            "matrix": octets(6, 6),
            "matrix.image": words(3, 1, 4),
            "matrix:64": octets(3, 3),
            "views": octets(2, 3, 2, 2, 3),
        },
    },
    "map": {
        "snapshot": True,
        "scalars": {"step": 12},
        "sections": {
            "map.landmarks": floats(1, 0, 0, 1).reshape(2, 2),
            "map.keys": floats(0.25, -0.25).reshape(1, 2),
            "map.key_image": words(9),
        },
    },
    "scalars-only": {
        "snapshot": True,
        "scalars": {"step": 0, "loss": float("nan"), "accuracy": None, "steps_per_second": np.inf, "loss_chance": 8.3},
        "sections": {},
    },
}


def frame(name: str) -> bytes:
    """The bytes of a golden frame."""
    place = {
        "run": "golden",
        "epoch": 3,
        "offset": 20 + list(FRAMES).index(name),
        "step": FRAMES[name]["scalars"]["step"],
    }
    return wire.encode(**place, time=1_700_000_000.125, **FRAMES[name])


def messages() -> list[dict[str, Any]]:
    """One text message of each kind, or two where a field may be left out."""
    config = RunConfig.model_validate({"method": "moco", "steps": 2_000})
    run = Run("golden", "a golden run", config, state="running", step=12, epoch=3, offset=20, created=0.0, updated=0.0)
    links = dict.fromkeys(("self", "live", "knobs", "commands", "metrics", "events", "tick", "checkpoints"), "/")
    resource = RunResource.model_validate(
        {name: getattr(run, name) for name in ("id", "name", "state", "asleep", "reason", "step", "epoch", "offset")}
        | {name: getattr(run, name) for name in ("lesson", "first_epoch", "saved_step", "save_error", "parent")}
        | {"method": "moco", "viewers": 2, "created": "2023-11-14T22:13:20Z", "updated": "2023-11-14T22:13:20Z"}
        | {
            "config": config,
            "knobs": config.knobs(),
            "parent_step": None,
            "sweep": None,
            "schedule": run.schedule,
            "private": False,
        }
        | {"links": links | {"checkpoint": "/", "recording": "/"}}
    ).model_dump(mode="json", by_alias=True)
    event = {"type": "knobs", "step": 13, "time": 1_700_000_000.5, "knobs": {"momentum": 0.5}}
    texts = [
        wire.text("hello", run=resource, epoch=3, offset=20, previous="3:18", sections=["dict", "matrix"], rate=20.0),
        wire.text("event", run="golden", epoch=3, offset=21, previous="3:18", event=event),
        wire.text("event", run="golden", epoch=1, offset=1, previous=None, event=event | {"type": "created"}),
        wire.text("gap", run="golden", epoch=3, offset=18, **{"from": "2:7"}, detail="events are missing here"),
        wire.text("viewers", run="golden", count=2),
        wire.text("error", code="bad_message", detail="not a message of this wire"),
        wire.text("error", run="nothing", code="no_such_run", detail="there is no run of this id"),
        wire.text("closed", run="golden", code=4404, detail="the run was deleted"),
        wire.text("bye", code="closing", detail="the service is going down", retry_after=1.5),
        wire.text("pong"),
        wire.text("pong", run="golden"),
    ]
    return [json.loads(text) for text in texts]


def files() -> dict[Path, bytes]:
    """Every golden file with what is to stand in it."""
    found = {HERE / f"{name}.sbt": frame(name) for name in FRAMES}
    found[HERE / "messages.json"] = (json.dumps(messages(), indent=1, ensure_ascii=False) + "\n").encode()
    document = yaml.safe_dump(describe("1"), sort_keys=False, allow_unicode=True, width=120)
    found[DOCUMENT] = f"# Written by python -m tests.contract.write.\n{document}".encode()
    return found


if __name__ == "__main__":
    for path, data in files().items():
        path.write_bytes(data)
        print(f"{path.name}: {len(data)} bytes")
