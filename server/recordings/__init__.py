"""Recordings of all runs: each run's ticks on a tape of bounded size, exported as one file that plays alone.

format      the file that clients get (SBR1)
tape        the file on disk, append-only, whole after any death
thinning    what goes as it ages
recorder    from the hub to the tape
export      from the tape, the store and the sheets to the file
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from server.errors import NotFound
from server.live.hub import Hub
from server.recordings.recorder import Recorder
from server.recordings.tape import Reading, Tape, reason
from server.runs import Run
from server.settings import Settings

log = logging.getLogger("sushibelt")

MEGABYTE = 1_000_000
ENDED_KEPT = 16  # recorders of ended runs that stay for a late evaluation
SITES_AT_ONCE = 2  # static sites of recordings laid out at a time: each draws a picture, beside the wire


class Recordings:
    """The shelf of all tapes. A trouble with one of them is logged and never raised at the service."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self.folder, self.bound = settings.data_dir / "recordings", settings.recording_mb * MEGABYTE
        self._hub = hub
        self._recorders: dict[str, Recorder] = {}
        # One thread writes all tapes: a slow disk delays recordings and nothing else.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self.laying_out = asyncio.Semaphore(SITES_AT_ONCE)

    # Life of a run

    def open(self, run: Run) -> None:
        """Record the run from now on, on the tape it has; may be called again."""
        if not self.bound or run.id in self._recorders:
            return
        ended = [other for other, recorder in self._recorders.items() if not recorder.run.active]
        for other in ended[: max(0, len(ended) - ENDED_KEPT)]:
            self._recorders.pop(other).stop()
        self._recorders[run.id] = Recorder(run, self._hub, self._tape(run), self._writer)

    async def sweep(self, runs: Collection[str]) -> None:
        """Remove tapes of runs that are gone: a crash in the middle of a deletion may leave one. At the start only."""

        def clear() -> None:
            for path in self.folder.glob("*"):
                if path.name.partition(".")[0] not in runs and path.is_file():
                    path.unlink(missing_ok=True)

        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().run_in_executor(self._writer, clear)

    async def reset(self, run: Run) -> None:
        """The run begins at step 0, in its `first_epoch`: what was recorded is gone."""
        await self._write(run, self._tape(run).restart, run.first_epoch)

    async def remove(self, run: Run) -> None:
        """No recorder and no tape of the run any more; who is reading it reads on to the end."""
        tape, recorder = self._tape(run), self._recorders.pop(run.id, None)
        if recorder is not None:
            recorder.stop()
        await self._write(run, tape.remove)

    async def close(self) -> None:
        """Stop recording. Tapes stay."""
        for recorder in self._recorders.values():
            recorder.stop()
        self._recorders.clear()
        self._writer.shutdown(wait=False)

    def _tape(self, run: Run) -> Tape:
        recorder = self._recorders.get(run.id)
        if recorder is not None:
            return recorder.tape
        return Tape(self.folder / f"{run.id}.tape", run.first_epoch, bound=self.bound)

    async def _write(self, run: Run, call: Callable[..., None], *args: Any) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, call, *args)
        except OSError as error:
            log.error("the recording of run %s could not be removed: %s", run.id, error)

    # Questions

    def recording_error(self, run: Run) -> str | None:
        """Why a run that should be recorded is not, or None."""
        recorder = self._recorders.get(run.id)
        return recorder.error if recorder is not None else None

    async def reading(self, run: Run) -> Reading:
        """The tape as it is now. To be closed.

        Raises:
            NotFound: nothing was recorded yet.
        """
        try:
            found = await asyncio.to_thread(self._tape(run).reading)
        except OSError as error:
            log.error("the recording of run %s could not be read: %s", run.id, error)
            raise NotFound(f"the recording cannot be read: {reason(error)}", code="no_recording") from None
        if found is None:
            raise NotFound(self._why_nothing(run), code="no_recording")
        return found

    def _why_nothing(self, run: Run) -> str:
        error = self.recording_error(run)
        if error is not None:
            return f"nothing is recorded of this run: {error}"
        if not self.bound:
            return "this service records nothing; set SUSHIBELT_RECORDING_MB above 0"
        return f"nothing was recorded of this run yet; it is {run.state}" + (f": {run.reason}" if run.reason else "")
