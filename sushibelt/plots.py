"""matplotlib, where it is installed."""

from __future__ import annotations

from typing import Any

from sushibelt.errors import SushibeltError


def new_axes() -> Any:
    """Axes of a new figure; `.figure.savefig("name.png")` works with and without a display."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise SushibeltError("matplotlib is not installed; pip install 'sushibelt[notebook]'") from None
    return pyplot.subplots()[1]
