"""What `watch` and `play` show of a run: one picture made of the newest that was heard."""

from __future__ import annotations

import textwrap
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sushibelt.wire import Event, Frame, Gap

BARS = "▁▂▃▄▅▆▇█"
HELD = 40  # points of a sparkline
EVENTS_SHOWN = 5
STALE_SECONDS = 5.0
DEFINITION = 84  # letters of a figure's formula: two lines of it
ENDED = ("finished", "failed", "stopped")
BADGES = {"LIVE": "black on green", "PAUSED": "black on yellow", "STALE": "white on red", "RECORDED": "black on cyan"}
SHOWN = ("loss", "accuracy", "consistency", "id_photo", "oldest_age", "steps_per_second")
METERS = ("accuracy", "consistency", "id_photo")  # on the fixed scale 0 to 1
FORMS = {"oldest_age": ",.0f", "steps_per_second": ".1f"}


class Picture:
    """The newest of a run, and how it looks.

    Args:
        run: the run as the service describes it. figures: the catalog's, for titles and definitions.
        recorded: it is played and not live.
    """

    def __init__(
        self, run: Mapping[str, Any], figures: Mapping[str, Mapping[str, Any]], recorded: bool = False
    ) -> None:
        self.run, self.figures, self.recorded = run, figures, recorded
        self.state, self.step = str(run["state"]), 0 if recorded else int(run["step"])
        if recorded:
            self.state = "running"
        self.asleep = bool(run.get("asleep"))
        self.scalars: dict[str, Any] = {}
        self.past: dict[str, deque[float]] = {name: deque(maxlen=HELD) for name in SHOWN}
        self.events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self.heard = time.monotonic()

    def take(self, item: Frame | Event | Gap) -> None:
        """Something that was heard."""
        self.heard = time.monotonic()
        if isinstance(item, Frame):
            self.step, self.scalars = item.step, item.scalars
            for name in SHOWN:
                number = item.scalars.get(name)
                if isinstance(number, int | float):
                    self.past[name].append(float(number))
        elif isinstance(item, Event):
            if item.type == "state":
                self.state = str(item.body.get("state", self.state))
            elif item.type in ("sleep", "wake"):
                self.asleep = item.type == "sleep"
            self.events.append(words_of(item))
        else:
            self.events.append(f"events between {item.since} and {item.position} are gone")

    @property
    def badge(self) -> str:
        """LIVE, PAUSED, STALE (it should move and nothing was heard for seconds), RECORDED, or how it ended."""
        if self.recorded:
            return "RECORDED"
        if self.state in ENDED:
            return self.state.upper()
        if self.state == "paused" or self.asleep:
            return "PAUSED"
        if self.state == "queued":
            return "QUEUED"
        return "STALE" if time.monotonic() > self.heard + STALE_SECONDS else "LIVE"

    def line(self) -> str:
        """All of it in one line, for a log."""
        parts = [f"step {self.step}{self._of()}", self.badge]
        parts += [f"{name} {self._number(name)}" for name in SHOWN if self.scalars.get(name) is not None]
        return "  ".join(parts)

    def __rich__(self) -> RenderableType:
        badge = Text(f" {self.badge} ", BADGES.get(self.badge, "reverse"))
        head = Text.assemble(
            badge, f"  {self.run['method']} on {self.run['config']['images']}", f"  {self.run['name']}"
        )
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, width=HELD)
        table.add_column(style="dim", overflow="fold")
        steps = self.run["config"]["steps"]
        bar = ProgressBar(steps, min(self.step, steps), width=HELD) if steps else Text("no end", "dim")
        table.add_row("Step", f"{self.step}{self._of()}", bar, "optimiser steps taken")
        for name in SHOWN:
            if self.scalars.get(name) is None:
                continue
            title = str(self.figures.get(name, {}).get("title", name))
            drawn = meter(float(self.scalars[name])) if name in METERS else sparkline(self.past[name])
            table.add_row(title, self._number(name), drawn, self._definition(name))
        parts: list[RenderableType] = [head, Text(), table]
        if self.events:
            parts += [Text(), *(Text(line, "dim") for line in self.events)]
        return Panel(Group(*parts), title=f"run {self.run['id']}", border_style="dim")

    def _of(self) -> str:
        steps = self.run["config"]["steps"]
        return f" of {steps}" if steps else ""

    def _number(self, name: str) -> str:
        return format(float(self.scalars[name]), FORMS.get(name, ".3f"))

    def _definition(self, name: str) -> str:
        figure = self.figures.get(name, {})
        text = textwrap.shorten(str(figure.get("formula", "")), DEFINITION, placeholder=" …")
        n = self.scalars.get("probe_n")
        return f"{text}; n = {n}" if name in ("consistency", "id_photo") and n else text


def sparkline(values: deque[float] | list[float]) -> Text:
    """The course of a figure between its least and its greatest value so far."""
    if not values:
        return Text()
    low, high = min(values), max(values)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return Text("".join(BARS[round((value - low) * scale)] for value in values), "cyan")


def meter(value: float) -> Text:
    """A bar on the fixed scale 0 to 1."""
    filled = round(min(max(value, 0.0), 1.0) * HELD)
    return Text.assemble(("█" * filled, "blue"), ("░" * (HELD - filled), "dim"))


def words_of(event: Event) -> str:
    """An event in a line."""
    skip = {"type", "step", "time", "previous", "config"}
    parts = []
    for name, found in event.body.items():
        if name in skip or found is None or found == "":
            continue
        if isinstance(found, dict):
            found = ", ".join(f"{key} {part}" for key, part in found.items() if not isinstance(part, dict | list))
        parts.append(str(found) if name == event.type else f"{name} {found}")
    return f"step {event.step}  {event.type}  {'  '.join(parts)}"[:160]
