"""Events of runs: numbered, on disk, then to viewers. Nothing is sent that could still be lost."""

from __future__ import annotations

import time
from typing import Any

from server.live.hub import Hub
from server.runs import Run
from server.store.repository import Repository, StoredEvent

TRIM_EVERY = 500  # events between two looks at whether a run has too many of them


class Journal:
    """Writes events to the store and hands them to the hub, in this order."""

    def __init__(self, repository: Repository, hub: Hub) -> None:
        self._repository, self._hub = repository, hub
        self._since_trim: dict[str, int] = {}

    def next_event(self, run: Run, type_: str, **fields: Any) -> StoredEvent:
        """An event of the service's own, next on the run's wire; not yet published."""
        run.offset += 1
        run.updated = time.time()
        body = {"type": type_, "step": run.step, "time": round(run.updated, 3), **fields}
        return StoredEvent(run.epoch, run.offset, body)

    async def publish(self, run: Run, *events: StoredEvent) -> None:
        """Events to disk together with the run as it is now, then to viewers."""
        await self._repository.save(run.id, run.columns(), events)
        for event in events:
            self._hub.event(run.id, event.epoch, event.offset, event.body)
        self._since_trim[run.id] = self._since_trim.get(run.id, 0) + len(events)
        if self._since_trim[run.id] >= TRIM_EVERY:
            self._since_trim[run.id] = 0
            await self._repository.trim_events(run.id)

    async def fail(self, run: Run, reason: str) -> None:
        """The run is over for a reason outside of it."""
        previous, run.state, run.asleep, run.reason = run.state, "failed", False, reason
        run.offset = max(run.offset, self._hub.position(run.id)[1])
        error = self.next_event(run, "error", title="The run failed", detail=reason, cause=None)
        state = self.next_event(run, "state", state="failed", previous=previous, reason=reason)
        await self.publish(run, error, state)

    def forget(self, run: str) -> None:
        """The run is gone."""
        self._since_trim.pop(run, None)
