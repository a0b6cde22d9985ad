"""A sweep: many runs over a grid of settings, seeds and knob schedules, and one table of how they ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from sushibelt.columns import Columns
from sushibelt.errors import TimedOut
from sushibelt.rest import Rest
from sushibelt.run import Run

POLL_SECONDS = 20.0
AT_WORK = ("running", "cancelling")


class Sweep:
    """A sweep. Its attributes are those of the last answer; iterating gives its runs, as far as they were started."""

    def __init__(self, rest: Rest, resource: dict[str, Any]) -> None:
        self._rest = rest
        self.resource = resource

    def __repr__(self) -> str:
        return f"<Sweep {self.id}: {self.state}, {self.total} runs, {self.progress:.0%} done>"

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def state(self) -> str:
        return str(self.resource["state"])

    @property
    def total(self) -> int:
        """How many runs it has in all."""
        return int(self.resource["total"])

    @property
    def progress(self) -> float:
        """Share of it that is done, 0 to 1."""
        return float(self.resource["progress"])

    def __iter__(self) -> Iterator[Run]:
        for entry in self.refresh().resource["runs"]:
            if entry.get("run"):
                yield Run(self._rest, self._rest.get(f"/api/v1/runs/{entry['run']}"))

    def refresh(self) -> Sweep:
        """Ask what it is now."""
        self.resource = self._rest.get(self._path())
        return self

    def wait(self, timeout: float | None = None, progress: bool = True) -> Sweep:
        """Wait until it is over; on a terminal a bar shows how far it is. Raises TimedOut, and Unreachable
        where the service was away for a minute."""
        end = None if timeout is None else time.monotonic() + timeout
        bar = _bar() if progress and sys.stderr.isatty() else None
        task = bar.add_task("sweep", total=1.0) if bar else None
        if bar:
            bar.start()
        try:
            while self.state in AT_WORK:
                longest = 1.0 if bar else POLL_SECONDS
                left = longest if end is None else max(0.0, min(longest, end - time.monotonic()))
                answer = self._rest.wait(self._path("/wait"), {}, left, end)
                self.resource = answer.get("sweep", answer)
                if bar and task is not None:
                    words = "  ".join(f"{count} {state}" for state, count in self.resource["counts"].items() if count)
                    bar.update(task, completed=self.progress, description=words or "sweep")
                if self.state in AT_WORK and end is not None and time.monotonic() >= end:
                    raise TimedOut(f"sweep {self.id} is {self.progress:.0%} done after {timeout:g} seconds; it goes on")
        finally:
            if bar:
                bar.stop()
        return self

    def table(self, names: Sequence[str] | None = None) -> Columns:
        """A row a run: its point of the grid, how it ended, and the last figures that it measured, NaN where none.

        Args:
            names: figures and scores of the catalog; left out: some that tell the most.
        """
        query = {"format": "json", "names": None if names is None else ",".join(names)}
        answer = self._rest.get(self._path("/table"), query)
        return Columns(answer["columns"] if "columns" in answer else columns_of(answer["rows"]), title=self.id)

    def plot(self, x: str | None = None, y: str = "consistency", ax: Any = None) -> Any:
        """A figure against a setting of the grid (the first if left out, or the seed): the axes."""
        if x is None:
            cells = self.resource["runs"] if "runs" in self.resource else self.refresh().resource["runs"]
            x = next(iter(cells[0]["values"]), "seed")
        if ax is None:
            from sushibelt.plots import new_axes

            ax = new_axes()
        table = self.table()
        ax.plot(table[x], table[y], "o")
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        return ax

    def cancel(self) -> Sweep:
        """Stop its runs and start no more."""
        self.resource = self._rest.post(self._path("/cancel"))
        return self

    def delete(self, runs: bool = False) -> None:
        """Forget it; with `runs` its runs too."""
        self._rest.delete(self._path(), {"runs": str(runs).lower()})

    def _path(self, part: str = "") -> str:
        return f"/api/v1/sweeps/{self.id}{part}"


def columns_of(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns of a list of rows."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True))
    return Progress(*columns, console=Console(stderr=True))
