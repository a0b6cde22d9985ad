"""Does the service take work? Each check with what failed and what to do about it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from server.service import Service

log = logging.getLogger("sushibelt")

SILENT_SECONDS = 10.0  # the worker's heartbeat comes every second
STALLED_SECONDS = 30.0  # what was said of a run waits for the disk, and nothing says why
PROBE_SECONDS = 3.0
FRESH_SECONDS = 1.0  # so often the database is asked, whoever asks us
FREE_BYTES = 32_000_000  # a checkpoint of a small run and its metrics


@dataclass(frozen=True)
class Trouble:
    """A check that failed: its name, the stable code of the problem, and what is wrong and to be done."""

    check: str
    code: str
    detail: str


class Readiness:
    """Asks all parts of a service. `free_bytes`: what the disk must have left."""

    def __init__(self, service: Service, free_bytes: int = FREE_BYTES) -> None:
        self._service, self.free_bytes = service, free_bytes
        self._probe: asyncio.Task[str | None] | None = None
        self._probed = -1e9
        self._said = ""

    async def troubles(self) -> list[Trouble]:
        """What stands in the way, the gravest first; empty while work is taken. A change is logged, once."""
        if self._service.closing:
            return [Trouble("service", "closing", "the service is going down; ask again in a few seconds")]
        found = [*self._worker(), *await self._database(), *self._disk()]
        said = "; ".join(trouble.detail for trouble in found)
        if said != self._said and not (found and found[0].detail == STARTING):
            log.log(logging.WARNING if said else logging.INFO, "%s", f"not ready: {said}" if said else "ready")
            self._said = said
        return found

    def close(self) -> None:
        """Ask nothing more."""
        if self._probe is not None:
            self._probe.cancel()

    def _worker(self) -> list[Trouble]:
        engine = self._service.engine
        if not engine.ready:
            return [Trouble("worker", "worker_unavailable", engine.fatal or STARTING)]
        silence = engine.figures.silence
        if silence > SILENT_SECONDS:
            detail = f"the worker process said nothing for {silence:.0f} seconds; it is replaced if that goes on"
            return [Trouble("worker", "worker_unavailable", detail)]
        return []

    async def _database(self) -> list[Trouble]:
        journal = self._service.journal
        why = None
        if journal.error is not None:
            why = f"the database cannot be written: {journal.error}"
        elif (stalled := journal.backlog().stalled) > STALLED_SECONDS:
            why = f"what was said of a run has waited {stalled:.0f} seconds for the database"
        else:
            why = await self._ask_database()
        if why is None:
            return []
        return [Trouble("database", "store_unavailable", f"{why}. Free some space, mend the disk or the server")]

    async def _ask_database(self) -> str | None:
        """Why no transaction that writes can be had, or None. However many ask, there is one attempt at a time; one
        that is late goes on, because a statement that is broken off takes its connection with it."""
        fresh = time.monotonic() - self._probed < FRESH_SECONDS
        if self._probe is None or (self._probe.done() and not fresh):
            self._probe = asyncio.create_task(self._write(), name="readiness")
        probe = self._probe
        await asyncio.wait({probe}, timeout=PROBE_SECONDS)
        return probe.result() if probe.done() else f"the database gave no turn to write in {PROBE_SECONDS:g} seconds"

    async def _write(self) -> str | None:
        try:
            await self._service.repository.database.ping(writing=True)
        except SQLAlchemyError as error:
            return f"the database cannot be used: {getattr(error, 'orig', None) or error}"
        finally:
            self._probed = time.monotonic()
        return None

    def _disk(self) -> list[Trouble]:
        trouble = disk_trouble(self._service.settings.data_dir, self.free_bytes)
        return [] if trouble is None else [trouble]


STARTING = "the worker process is starting; ask again in a few seconds"


def disk_trouble(folder: Path, need: int) -> Trouble | None:
    """What is wrong where the disk of `folder` has fewer than `need` bytes free, else None."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        detail = f"{folder} cannot be looked at: {error.strerror}; bring the data folder back"
        return Trouble("disk", "disk_full", detail)
    if free >= need:
        return None
    detail = f"the disk of {folder} has {free / 1e6:.0f} MB left, less than {need / 1e6:.0f}; free some space"
    return Trouble("disk", "disk_full", detail)
