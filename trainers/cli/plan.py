"""What is to be done: arguments checked, defaults filled in, and what a checkpoint says taken into account.

Imports no torch: whatever is wrong with a command line is said at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trainers import checkpoint
from trainers.checkpoint import CheckpointError, Header
from trainers.cli.changes import Change, read_changes
from trainers.cli.fields import UsageError, option, problem, read
from trainers.cli.options import Options
from trainers.cli.session_options import SessionOptions
from trainers.config import AS_TEXT, KNOBS, METHODS, PRESETS, KnobChange, RunConfig, setting_methods

CHECKPOINT = "checkpoint.safetensors"
FOLDER = "folder"
"""The image set that `--path` names."""


@dataclass(frozen=True)
class Plan:
    """A run to begin or to go on with.

    Attributes:
        config: of the new run; of a resumed one as its checkpoint has it, but for the steps.
        passes: how long, where passes were asked for: their steps are known with the images.
        knobs: of a resumed run, changes to make before the first step.
        changes: later ones.
        header: of the checkpoint at `resume`.
    """

    config: RunConfig
    session: SessionOptions
    passes: float | None
    knobs: KnobChange
    changes: tuple[Change, ...]
    out: Path | None
    resume: Path | None
    header: Header | None
    json: bool
    quiet: bool

    @property
    def done(self) -> bool:
        """The run has nothing left to train."""
        steps = self.config.steps
        return self.header is not None and steps is not None and self.header.step >= steps


def make_plan(options: Options) -> Plan:
    """Raises UsageError."""
    passes = _passes(options)
    if options.resume is not None:
        return _resumed(options, passes)
    settings = _fields(RunConfig, options.settings)
    if "method" not in settings and "preset" not in settings:
        raise UsageError(f"METHOD: give one of {', '.join(METHODS)}, or a --preset (see --list-presets)")
    if settings.get("method") in PRESETS.keys() - set(METHODS):
        raise UsageError(f"METHOD: {settings['method']} is a preset; write --preset {settings['method']}")
    session = _model(SessionOptions, _fields(SessionOptions, options.session))
    settings = _with_folder(settings, session)
    if passes is not None:
        # The steps are known with the images; until then any number that a schedule can end at.
        settings["steps"] = 1
    config = _model(RunConfig, settings)
    _refuse_foreign(settings, config)
    changes = read_changes(options.at, config if passes is None else config.model_copy(update={"steps": None}))
    return Plan(
        config, session, passes, KnobChange(), changes, options.out, None, None, options.json, options.quiet
    )  # fmt: skip


def _resumed(options: Options, passes: float | None) -> Plan:
    assert options.resume is not None
    path = options.resume / CHECKPOINT if options.resume.is_dir() else options.resume
    try:
        header = checkpoint.read_header(path)
    except CheckpointError as error:
        raise UsageError(f"--resume: {error}") from None
    notes = header.notes.get("session", {})
    session = _model(SessionOptions, {**notes, **_fields(SessionOptions, options.session)})
    settings = _fields(RunConfig, options.settings)
    config, knobs = _changed(header.config, settings)
    _refuse_foreign(settings, config)
    if "path" in options.session and config.images != FOLDER:
        raise UsageError(f"--path: this run trains on --images {config.images}, not on a folder; leave it out")
    plan_config = header.config.model_copy(update={"steps": config.steps})
    checked = config if passes is None else config.model_copy(update={"steps": None})
    for change in read_changes(options.at, checked):
        if change.step <= header.step:
            raise UsageError(f"--at {change.text}: the run has taken step {header.step} already; give a later step")
    still = [text for text in header.notes.get("at", []) if int(text.partition(":")[0]) > header.step]
    ended = config.steps if passes is None else None
    changes = read_changes([*(t for t in still if _within(t, ended)), *options.at], checked)
    plan = Plan(
        plan_config, session, passes, knobs, changes, options.out, path, header, options.json, options.quiet
    )  # fmt: skip
    if plan.done and passes is None and not session.evaluate:
        raise UsageError(
            f"--resume: the run has taken its {plan_config.steps} steps; give more --steps to go on, or --evaluate"
        )
    return plan


def _within(text: str, steps: int | None) -> bool:
    """Whether a change that the checkpoint knew of still comes, in a run that may have been shortened."""
    return steps is None or int(text.partition(":")[0]) <= steps


def _changed(old: RunConfig, settings: dict[str, Any]) -> tuple[RunConfig, KnobChange]:
    """A run's config with what the command line changes, and the knobs among it."""
    new = _model(RunConfig, old.model_dump() | settings)
    for name in settings:
        before, after = getattr(old, name), getattr(new, name)
        if before != after and name not in KNOBS and name != "steps":
            raise UsageError(
                f"{option(name)}: the run has {before} since it began, and keeps it; only --steps and the knobs may "
                "change. For another, start a new run"
            )
    knobs = {
        name: getattr(new, name) for name in settings if name in KNOBS and getattr(new, name) != getattr(old, name)
    }
    return new, KnobChange.model_validate(knobs)


def _passes(options: Options) -> float | None:
    if options.passes is None:
        return None
    if "steps" in options.settings:
        raise UsageError("--passes: give --steps or --passes, not both")
    try:
        passes = float(options.passes)
    except ValueError:
        passes = 0.0
    if not 0 < passes < float("inf"):
        raise UsageError(f"--passes: give a number above 0, not {options.passes}")
    return passes


def _with_folder(settings: dict[str, Any], session: SessionOptions) -> dict[str, Any]:
    """`--path` alone means `--images folder`."""
    if session.path is not None and settings.setdefault("images", FOLDER) != FOLDER:
        raise UsageError(f"--path: goes with --images {FOLDER}, not with --images {settings['images']}")
    if settings.get("images") == FOLDER and session.path is None:
        raise UsageError(f"--images {FOLDER}: name the folder or archive with --path")
    return settings


def _refuse_foreign(settings: dict[str, Any], config: RunConfig) -> None:
    """A setting that the method does not read would be a knob that does nothing."""
    for name in settings:
        if config.method not in setting_methods(name):
            raise UsageError(f"{option(name)}: {config.method} has no such setting, {setting_methods(name)[0]} has")


def _fields(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    return read(model.model_fields, given)


def _model(model: type[Any], values: dict[str, Any]) -> Any:
    try:
        return model.model_validate(values, context=AS_TEXT)
    except ValidationError as error:
        raise UsageError(problem(error, model.model_fields)) from None
