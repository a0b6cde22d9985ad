"""What is said of every shown number. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.settings import METHODS, Method

DICTIONARY: tuple[Method, ...] = ("memory_bank", "moco")
HOUSE = "Sushibelt"  # the source of what no paper defines


@dataclass(frozen=True)
class Figure:
    """One shown number, or an array of them.

    Attributes:
        formula: how it is made. sample: what it is taken over.
        low, high: the ends of its scale, None where open.
        source: the paper that defines it, or Sushibelt.
        shape: of an array, its axes by name; "" for a single number.
    """

    name: str
    title: str
    formula: str
    sample: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    source: str = HOUSE
    methods: tuple[Method, ...] = METHODS
    shape: str = ""


def table(*figures: Figure) -> dict[str, Figure]:
    """By name.

    Raises:
        ValueError: two of one name.
    """
    found = {figure.name: figure for figure in figures}
    if len(found) < len(figures):
        raise ValueError("two figures have one name")
    return found
