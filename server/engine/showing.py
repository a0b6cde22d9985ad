"""What of a run goes into its next tick: which sections, how far back, and how often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from server.engine.watch import Watch

PICTURE_SECONDS = 0.25  # matrix and views go out at most this often while training
SLACK = 0.97  # a tick that comes a little early is not put off by a whole step
PICTURES = frozenset({"matrix", "matrix:64", "views"})


@dataclass
class Showing:
    """The clocks of one run's ticks, and what those who watch hold of its dictionary."""

    watch: Watch = field(default_factory=Watch)
    wanted: set[str] | None = None
    """Sections that somebody who lacks a snapshot waits for; None while nobody does."""
    last_tick: float = -1e9
    _last_pictures: float = -1e9
    _last_recorded: float = -1e9
    _said: deque[tuple[float, int]] = field(default_factory=deque)
    """When a tick went out, and how many keys had been written by then; as far back as the watch reaches."""

    def due(self, now: float) -> bool:
        """True when those who watch are owed a tick."""
        pace = self.watch.pace
        return bool(pace) and now - self.last_tick >= SLACK / pace

    def sections(self, now: float, *, everyone: bool, whole: bool, single: bool) -> set[str]:
        """The sections of a tick (see `Training.tick` for what the flags mean)."""
        sections = set(self.watch.sections)
        # What only the recorder wants is not made at the viewers' rate.
        if self.watch.record and (single or whole or now - self._last_recorded >= SLACK / self.watch.record):
            sections |= self.watch.record_sections
        sections = sections or {"dict"}
        if not everyone and self.wanted is not None:
            sections |= self.wanted
        if not single and not whole and now - self._last_pictures < PICTURE_SECONDS:
            sections -= PICTURES
        return sections

    def after(self, now: float) -> int | None:
        """How many keys who missed the last second may be taken to hold: only later ones are sent. None: send all."""
        if not self._said:
            return None
        while len(self._said) > 1 and self._said[1][0] <= now - self.watch.reach:
            self._said.popleft()
        return self._said[0][1]

    def shown(self, now: float, sections: set[str], *, everyone: bool, written: int | None) -> None:
        """A tick goes out. written: keys written so far, None where it has no dictionary."""
        if sections & PICTURES:
            self._last_pictures = now
        if written is not None:
            if not everyone and now - self.last_tick > self.watch.reach:
                self._said.clear()  # who was here before got nothing for as long
            if everyone or not self._said:
                self._said.append((now, written))
        if everyone:
            self.last_tick = now
            if sections >= self.watch.record_sections:
                self._last_recorded = now

    def forget(self) -> None:
        """The dictionary may have gone back: the old changes fit nobody, the next tick has it whole."""
        self._said.clear()
