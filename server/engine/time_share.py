"""How much of the device's time work in the background may have while training wants it.

While something trains, background work takes at most a set share of the time, in small pieces between steps. It
lives on credit: each second that passes outside of it earns share / (1 - share) of a second, and a piece that took
longer than it should is a debt that must be earned back first. Time in which no step is due is free.
"""

from __future__ import annotations

MOST_CREDIT = 1.0  # after a very long step it goes on for so long, not for longer


class TimeShare:
    """The account of one worker. All times in seconds of one monotonic clock."""

    def __init__(self, share: float) -> None:
        self._rate = share / (1 - share)
        self._credit = self._since = 0.0

    def begin(self, now: float) -> None:
        """There is work in the background from now on; nothing was saved up before."""
        self._credit, self._since = 0.0, now

    def credit(self, now: float) -> float:
        """Seconds that may be taken from training now; negative is debt."""
        return min(MOST_CREDIT, self._credit + (now - self._since) * self._rate)

    def allows(self, now: float, free: float) -> float:
        """Seconds that a piece may take now, 0 for none.

        free: until the next step is due; 0 if one is due now, infinity if nothing trains.
        """
        if free == float("inf"):
            return free
        credit = self.credit(now)
        return max(free, credit) if credit >= 0 else 0.0

    def spent(self, start: float, end: float, free: float) -> None:
        """Book a piece that began when `free` seconds were left until the next step."""
        self._credit = self.credit(start) - max(0.0, end - start - free)
        self._since = end
