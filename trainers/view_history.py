"""The augmentation settings of a run as they changed, so that views of steps gone by can be drawn again."""

from __future__ import annotations

import bisect
from typing import Any

from trainers.views import ViewSettings


class ViewHistory:
    """Settings by the first step under them, as far back as views may still be asked for."""

    def __init__(self, settings: ViewSettings) -> None:
        self._entries: list[tuple[int, ViewSettings]] = [(0, settings)]

    def at(self, step: int) -> ViewSettings:
        """The settings under which that step's views were drawn."""
        place = bisect.bisect_right(self._entries, step, key=lambda entry: entry[0])
        return self._entries[max(0, place - 1)][1]

    def take(self, step: int, settings: ViewSettings, oldest: int) -> None:
        """From `step` on these; what held only before the step `oldest` is forgotten."""
        if settings != self._entries[-1][1]:
            if self._entries[-1][0] == step:
                self._entries.pop()
            self._entries.append((step, settings))
        while len(self._entries) > 1 and self._entries[1][0] <= oldest:
            del self._entries[0]

    def state(self) -> list[tuple[int, dict[str, Any]]]:
        """For a checkpoint."""
        return [(step, vars(settings)) for step, settings in self._entries]

    def load(self, state: list[tuple[int, dict[str, Any]]]) -> None:
        """Go on from a state."""
        self._entries = [(int(step), ViewSettings(**values)) for step, values in state]
