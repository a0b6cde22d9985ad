"""What those who watch a run want of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Watch:
    """What all viewers of a run together ask for."""

    viewers: int = 0
    rate: float = 20.0
    sections: frozenset[str] = frozenset()
    reach: float = 1.0
    """A change frame reaches back so many seconds: a viewer may miss what came between."""
    record: float = 0.0
    """Ticks a second for the recording, whether somebody watches or not; 0 for none."""
    record_sections: frozenset[str] = frozenset()

    @property
    def anyone(self) -> bool:
        """True while somebody, be it a recorder, takes ticks."""
        return self.viewers > 0 or self.record > 0

    @property
    def pace(self) -> float:
        """Ticks a second that are made; 0 for none."""
        return max(self.rate if self.viewers else 0.0, self.record)
