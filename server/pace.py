"""How often somebody may ask: a bucket for each address, which fills as time goes by."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from server.errors import TooMany

ADDRESSES = 10_000


class Pace:
    """Buckets of `burst`, filled by `per_second`. The addresses that asked longest ago are forgotten past a bound."""

    def __init__(self, burst: float, per_second: float) -> None:
        self.burst, self.per_second = burst, per_second
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise TooMany, which says when to come again, where the bucket is empty."""
        left = self._now(address)
        if left < 1:
            wait = math.ceil((1 - left) / self.per_second)
            detail = f"too many questions from this address; ask again in {wait} seconds"
            raise TooMany(detail, code="too_often", headers={"Retry-After": str(wait)})

    def spend(self, address: str, amount: float) -> None:
        """Take it out of the bucket, which may go below nothing."""
        self._left[address] = (self._now(address) - amount, time.monotonic())
        self._left.move_to_end(address)
        if len(self._left) > ADDRESSES:
            self._left.popitem(last=False)

    def _now(self, address: str) -> float:
        left, since = self._left.get(address, (self.burst, time.monotonic()))
        return min(self.burst, left + (time.monotonic() - since) * self.per_second)
