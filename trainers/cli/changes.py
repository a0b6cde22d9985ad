"""Knob changes that are known beforehand: `--at 500:momentum=0.5`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from trainers.cli.fields import UsageError, kind_of, like
from trainers.config import AS_TEXT, KNOBS, KnobChange, RunConfig

_FORM = re.compile(r"(\d+):([a-z_-]+)=(.*)")


@dataclass(frozen=True)
class Change:
    """A change and the first step that is taken under it."""

    step: int
    change: KnobChange
    text: str


def read_changes(texts: Iterable[str], config: RunConfig) -> tuple[Change, ...]:
    """The changes by step; of two for one knob at one step the later stands.

    Raises:
        UsageError: one is not of the form, or its knob or value is not one of the method's.
    """
    found: dict[tuple[int, str], Change] = {}
    for text in texts:
        change = _read(text, config)
        found[change.step, next(iter(change.change.changes()))] = change
    return tuple(sorted(found.values(), key=lambda change: change.step))


def _read(text: str, config: RunConfig) -> Change:
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise UsageError(f"--at {text}: write STEP:KNOB=VALUE, as in 500:momentum=0.5")
    step, name, value = int(form[1]), form[2].replace("-", "_"), form[3]
    if name not in KNOBS:
        own = ", ".join(config.knobs())
        raise UsageError(f"--at {text}: {name} is no knob{like(name, KNOBS)}; {config.method} has {own}")
    if step < 1:
        raise UsageError(f"--at {text}: steps count from 1; for the first use the option itself")
    if config.steps is not None and step > config.steps:
        raise UsageError(f"--at {text}: the run ends at step {config.steps}; give an earlier step, or more --steps")
    try:
        change = KnobChange.model_validate({name: value}, context=AS_TEXT)
    except ValidationError:
        raise UsageError(f"--at {text}: give {name} {kind_of(RunConfig.model_fields[name]).allowed}") from None
    try:
        config.with_knobs(change)
    except ValueError as error:
        raise UsageError(f"--at {text}: {error}") from None
    return Change(step, change, text)
