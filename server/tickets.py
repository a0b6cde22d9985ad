"""Tickets: what a page gets for an embed's token, to read and to watch one run for a minute.

A ticket says which run, which embed and for which origin, and is signed; nothing is kept of it. The key of the
signature lives as long as the process: after a restart pages ask for new tickets, as they do anyway.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

from server.keys import TICKET

SECONDS = 60


@dataclass(frozen=True)
class Ticket:
    """What a ticket says. Origin None: it was not given to a browser."""

    run: str
    embed: str
    origin: str | None


class Tickets:
    """Makes and reads them."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._signer = URLSafeTimedSerializer(secrets.token_bytes(32), salt="ticket", serializer=json)

    def make(self, ticket: Ticket) -> str:
        """The ticket as text that fits in a header."""
        signed = self._signer.dumps([ticket.run, ticket.embed, ticket.origin])
        return TICKET + (signed if isinstance(signed, str) else signed.decode())

    def read(self, text: str) -> Ticket | None:
        """What it says; None where it is not one of this process, or is too old."""
        try:
            run, embed, origin = self._signer.loads(text.removeprefix(TICKET), max_age=int(self.seconds))
        except BadSignature:
            return None
        return Ticket(run, embed, origin)
