"""What is seen on standard error while a run loads and trains: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import Protocol

LINE_SECONDS = 10.0

Figures = Mapping[str, float]


class Screen(Protocol):
    """Where progress is shown."""

    def note(self, text: str) -> None:
        """A line that stays."""

    def loading(self, share: float, text: str) -> None:
        """What is being prepared, and the share of it that is done."""

    def begin(self, step: int, total: int | None) -> None:
        """Training begins after that step; total is None where it has no end."""

    def show(self, step: int, figures: Figures) -> None:
        """The newest figures, by the names of `trainers.figures`."""

    def end(self) -> None:
        """Nothing more moves."""


def make_screen(quiet: bool) -> Screen:
    """The screen that fits where standard error goes."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None: ...
    def loading(self, share: float, text: str) -> None: ...
    def begin(self, step: int, total: int | None) -> None: ...
    def show(self, step: int, figures: Figures) -> None: ...
    def end(self) -> None: ...


class Lines:
    """Plain lines, at most one in LINE_SECONDS, for logs."""

    def __init__(self) -> None:
        self._next = 0.0
        self._total: int | None = None
        self._stage = ""
        self._left_out: tuple[int, Figures] | None = None

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def loading(self, share: float, text: str) -> None:
        self._line()
        stage = re.sub(r"[\d,.]+", "", text)  # '64 pictures read' and '128 pictures read' are one
        if stage != self._stage or time.monotonic() >= self._next:
            self._stage, self._next = stage, time.monotonic() + LINE_SECONDS
            self.note(text)

    def begin(self, step: int, total: int | None) -> None:
        self._total, self._next = total, 0.0

    def show(self, step: int, figures: Figures) -> None:
        self._left_out = (step, figures)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            self._line()

    def end(self) -> None:
        self._line()

    def _line(self) -> None:
        if self._left_out is None:
            return
        step, figures = self._left_out
        self._left_out = None
        of = "" if self._total is None else f" of {self._total}"
        parts = [f"step {step}{of}", *in_words(figures)]
        if self._total is not None and figures.get("steps_per_second"):
            parts.append(f"{duration((self._total - step) / figures['steps_per_second'])} left")
        self.note("  ".join(parts))


class Bar:
    """A bar that moves in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._bar.start()
        self._task = self._bar.add_task("loading", total=None, words="", visible=False)

    def note(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def loading(self, share: float, text: str) -> None:
        self._bar.update(self._task, description=text, total=100, completed=round(100 * share), visible=True)

    def begin(self, step: int, total: int | None) -> None:
        self._bar.reset(self._task, description="step", total=total, completed=step, visible=True, words="")

    def show(self, step: int, figures: Figures) -> None:
        self._bar.update(self._task, completed=step, words="  ".join(in_words(figures)))

    def end(self) -> None:
        self._bar.stop()


def in_words(figures: Figures) -> list[str]:
    """The few figures that tell how it goes; consistency only where there is a dictionary."""
    words = []
    for name, word, form in (
        ("loss", "loss", ".3f"),
        ("accuracy", "accuracy", ".0%"),
        ("consistency", "consistency", ".3f"),
    ):
        if name in figures:
            words.append(f"{word} {figures[name]:{form}}")
    if figures.get("steps_per_second"):
        words.append(f"{figures['steps_per_second']:.1f} steps/s")
    return words


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
