"""The web service: REST, the live wire and the supervisor of the training worker. Knows no torch."""

from __future__ import annotations

__version__ = "0.1.0"
