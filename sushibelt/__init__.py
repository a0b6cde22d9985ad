"""Sushibelt from Python: start runs of a service, turn their knobs, wait for them, read their figures, sweep.

    from sushibelt import Client

    run = Client().run(method="moco", momentum=0.5, images="digits", steps=200)
    run.wait()
    print(run.metrics(names=["loss", "consistency"]))

Each name is loaded when it is first used, so that `import sushibelt` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sushibelt.client import Client
    from sushibelt.columns import Columns
    from sushibelt.errors import (
        Conflict,
        Forbidden,
        Invalid,
        NotFound,
        Refused,
        RunFailed,
        SushibeltError,
        TimedOut,
        TooMany,
        Unavailable,
        Unreachable,
    )
    from sushibelt.recording import Recording
    from sushibelt.run import Run
    from sushibelt.sweep import Sweep
    from sushibelt.wire import Event, Frame, Gap

__version__ = "0.1.0"

_HOMES = {
    "Client": "client",
    "Columns": "columns",
    "Run": "run",
    "Sweep": "sweep",
    "Recording": "recording",
    **dict.fromkeys(("Event", "Frame", "Gap"), "wire"),
    **dict.fromkeys(
        (
            "Conflict",
            "Forbidden",
            "Invalid",
            "NotFound",
            "Refused",
            "RunFailed",
            "SushibeltError",
            "TimedOut",
            "TooMany",
            "Unavailable",
            "Unreachable",
        ),
        "errors",
    ),
}

__all__ = [
    "Client",
    "Columns",
    "Conflict",
    "Event",
    "Forbidden",
    "Frame",
    "Gap",
    "Invalid",
    "NotFound",
    "Recording",
    "Refused",
    "Run",
    "RunFailed",
    "SushibeltError",
    "Sweep",
    "TimedOut",
    "TooMany",
    "Unavailable",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"sushibelt has no {name}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"sushibelt.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
