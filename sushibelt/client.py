"""A service, from Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sushibelt.private import new_key
from sushibelt.rest import Rest, clean, in_path
from sushibelt.run import Run

if TYPE_CHECKING:
    from sushibelt.sweep import Sweep

Schedule = Sequence[Mapping[str, Any] | tuple[int, Mapping[str, Any]]]
"""Knob changes by step: [(500, {"momentum": 0.5})] or [{"at": 500, "momentum": 0.5}]."""

URL = "http://127.0.0.1:8000"
PAGE = 100


class Client:
    """A service at an address.

    Args:
        url: where it is; left out: SUSHIBELT_URL, else http://127.0.0.1:8000.
        token: sent as `Authorization: Bearer`: a private run's key, or what a proxy asks for; left out:
            SUSHIBELT_TOKEN.

    Raises, in every method: Unreachable where nothing answers, Refused where the service says no.
    """

    def __init__(self, url: str | None = None, token: str | None = None, timeout: float = 60.0) -> None:
        self.url = (url or os.environ.get("SUSHIBELT_URL") or URL).rstrip("/")
        self.rest = Rest(self.url, token or os.environ.get("SUSHIBELT_TOKEN") or None, timeout)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self.rest.close()

    def catalog(self) -> dict[str, Any]:
        """Methods, presets, image sets, settings with their ranges, figures with their definitions."""
        found: dict[str, Any] = self.rest.get("/api/v1/catalog")
        return found

    def run(
        self,
        method: str | None = None,
        *,
        schedule: Schedule | str | None = None,
        private: bool = False,
        **config: Any,
    ) -> Run:
        """Make a run and start it: any setting of the catalog, and `name`. Without `steps` it trains while somebody
        watches. `schedule` is a list of knob changes by step, or the word of a learning-rate schedule; where both are
        meant, the list is `changes`. A `private` run is there for who knows its `key` alone: keep that."""
        key = new_key() if private else None
        body = clean({"method": method, "schedule": plain_schedule(schedule), "key": key, **config})
        return self._run(self.rest.create("/api/v1/runs", body), key)

    def get(self, id: str, key: str | None = None) -> Run:
        """The run of that id; a private one by its key."""
        rest = self.rest.with_key(key) if key else self.rest
        return self._run(rest.get(f"/api/v1/runs/{in_path(id)}"), key)

    def _run(self, resource: dict[str, Any], key: str | None) -> Run:
        return Run(self.rest.with_key(key) if key else self.rest, resource, key)

    def runs(
        self,
        *,
        state: str | None = None,
        method: str | None = None,
        images: str | None = None,
        name: str | None = None,
        sweep: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Run]:
        """Runs, newest first, page by page as they are asked for; `limit` of them at most."""
        query = {"state": state, "method": method, "images": images, "name": name, "sweep": sweep}
        for resource in pages(self.rest, "/api/v1/runs", "runs", query, limit):
            yield Run(self.rest, resource)

    def sweep(
        self,
        grid: Mapping[str, Sequence[Any]] | None = None,
        *,
        base: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
        schedules: Sequence[Mapping[str, Any]] | None = None,
        name: str | None = None,
        parallel: int | None = None,
        evaluate: bool | None = None,
        **config: Any,
    ) -> Sweep:
        """A run for every point of the grid, seed and schedule.

        Args:
            grid: values by setting, like {"momentum": [0, 0.5, 0.99]}.
            base: what all runs have in common; keywords (`method="moco"`, `steps=200`) are added to it.
            seeds: a run of each point for each; left out: the seed of `base`.
            schedules: [{"name": "late", "schedule": [(500, {"momentum": 0.5})]}].
            parallel: how many train at once. evaluate: measure kNN and linear probe at the end of each.
        """
        from sushibelt.sweep import Sweep

        named = [{**entry, "schedule": plain_schedule(entry["schedule"])} for entry in schedules or ()]
        body = {
            "name": name,
            "base": {**(base or {}), **config},
            "grid": {key: plain_list(values) for key, values in (grid or {}).items()},
            "seeds": None if seeds is None else list(seeds),
            "schedules": named or None,
            "parallel": parallel,
            "evaluate": evaluate or None,
        }
        return Sweep(self.rest, self.rest.create("/api/v1/sweeps", clean(body)))

    def sweeps(self, limit: int | None = None) -> Iterator[Sweep]:
        """Sweeps, newest first."""
        from sushibelt.sweep import Sweep

        for resource in pages(self.rest, "/api/v1/sweeps", "sweeps", {}, limit):
            yield Sweep(self.rest, resource)

    def get_sweep(self, id: str) -> Sweep:
        """The sweep of that id."""
        from sushibelt.sweep import Sweep

        return Sweep(self.rest, self.rest.get(f"/api/v1/sweeps/{in_path(id)}"))


def pages(rest: Rest, path: str, key: str, query: Mapping[str, Any], limit: int | None) -> Iterator[dict[str, Any]]:
    """The entries of a list with cursors."""
    left, cursor = limit, None
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = rest.get(path, {**query, "limit": size, "cursor": cursor})
        entries = page[key][:left]
        yield from entries
        left = None if left is None else left - len(entries)
        cursor = page["next"]
        if cursor is None:
            return


def plain_list(values: Any) -> Any:
    """Values as JSON has them. A single one is no list, and a word no list of letters: the service says so."""
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str | bytes) else values


def plain_schedule(schedule: Schedule | str | None) -> Any:
    """As the service takes it."""
    if schedule is None or isinstance(schedule, str):
        return schedule
    found = []
    for entry in schedule:
        if isinstance(entry, Mapping):
            found.append(dict(entry))
        else:
            step, knobs = entry
            found.append({"at": step, **knobs})
    return found
