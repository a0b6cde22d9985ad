"""The arguments of `python -m trainers`. Every setting's option is made from its field, none is listed here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic.fields import FieldInfo

from trainers.cli.fields import UsageError, kind_of, like, option
from trainers.cli.session_options import SessionOptions
from trainers.config import KNOBS, METHOD_TITLES, METHODS, RunConfig

DESCRIPTION = """\
Trains a contrastive learner, without any server, and keeps a checkpoint and every step's figures.

examples:
  Watch the dictionary fall out of tune when the key encoder's momentum drops:
      python -m trainers moco --images sushi --steps 400 --at 200:momentum=0.5
  A preset on your own pictures (a folder or an archive with a folder a class), then ask how good it became:
      python -m trainers --preset {preset} --images folder --path pictures.zip --steps 500 --evaluate
"""

EPILOG = """\
Ctrl-C finishes the step, saves a checkpoint and prints the command that goes on from it. Exit code 0: trained
to the end; 1: the training broke, and it says why; 2: the command line is wrong; 130: stopped.
"""


@dataclass
class Options:
    """What the command line says, as text; nothing that it leaves out.

    Attributes:
        settings: of `RunConfig`, with the method and the preset.
        session: of `SessionOptions`.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)
    passes: str | None = None
    at: list[str] = field(default_factory=list)
    out: Path | None = None
    resume: Path | None = None
    json: bool = False
    quiet: bool = False
    list_presets: bool = False


def parse(argv: Sequence[str] | None = None) -> Options:
    """Sorts the arguments. Values are not checked yet, see `trainers.cli.plan`.

    Raises:
        UsageError: an option is unknown, or its value is missing.
        SystemExit: after --help.
    """
    given = vars(_parser().parse_args(argv))
    options = Options()
    for name, value in given.items():
        kind, _, name = name.partition(".")
        if kind == "settings":
            options.settings[name] = value
        elif kind == "session":
            options.session[name] = value
        else:
            setattr(options, kind, value)
    return options


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and says it to the caller."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown is None:
            raise UsageError(message.removeprefix("argument ").replace("expected one argument", "give a value"))
        word = unknown[1].partition("=")[0]
        if not word.startswith("-"):
            raise UsageError(f"{word}: one METHOD is enough, and options begin with --")
        raise UsageError(f"{word}: there is no such option{like(word, self._option_string_actions)}; --help lists all")


def _parser() -> argparse.ArgumentParser:
    from trainers.config import PRESETS

    parser = _Parser(
        prog="python -m trainers",
        usage="python -m trainers [METHOD] [--preset NAME] [--images SET] [--steps N] [option ...]",
        description=DESCRIPTION.format(preset=[name for name in PRESETS if PRESETS[name].method == "moco"][-1]),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    fields = RunConfig.model_fields
    start = parser.add_argument_group("what to train")
    titles = "; ".join(f"{method}: {METHOD_TITLES[method]}" for method in METHODS)
    start.add_argument("settings.method", metavar="METHOD", nargs="?", help=_escape(titles))
    _add(start, "settings", "preset", fields["preset"], "NAME", f"Named settings: {', '.join(PRESETS)}")
    start.add_argument("--list-presets", action="store_true", help="Show the presets with their sources, and end")
    start.add_argument(
        "--resume",
        type=Path,
        metavar="CHECKPOINT",
        help="Go on from a checkpoint (the file or its folder), to the last bit as if it had never stopped; only "
        "--steps and the knobs may be given other values",
    )

    pictures = parser.add_argument_group("on which pictures")
    known = "Image set: sushi, digits, a public one such as cifar10, or folder, with --path"
    _add(pictures, "settings", "images", fields["images"], "SET", known)
    _add(pictures, "session", "path", SessionOptions.model_fields["path"], "PATH")
    _add(pictures, "session", "data_dir", SessionOptions.model_fields["data_dir"])

    length = parser.add_argument_group("how long")
    _add(length, "settings", "steps", fields["steps"], "N", "End at this step; without it and --passes, at Ctrl-C")
    length.add_argument("--passes", metavar="X", help="End after so many passes over the pictures")
    length.add_argument(
        "--at",
        action="append",
        metavar="STEP:KNOB=VALUE",
        help="Change a knob from that step on; may be given many times, as in --at 500:momentum=0.5",
    )

    fixed = parser.add_argument_group("fixed when a run begins")
    _add_rest(fixed, "settings", ((n, f) for n, f in fields.items() if n not in KNOBS and n not in _PLACED))
    knobs = parser.add_argument_group("knobs: may change while it trains, with --at or --resume")
    _add_rest(knobs, "settings", ((n, f) for n, f in fields.items() if n in KNOBS))

    where = parser.add_argument_group("where, and what is kept")
    where.add_argument(
        "--out", type=Path, metavar="DIR", help="Folder for the checkpoint and the metrics (default runs/METHOD-SEED)"
    )
    rest = ((n, f) for n, f in SessionOptions.model_fields.items() if n not in ("path", "data_dir"))
    _add_rest(where, "session", rest)
    where.add_argument("--json", action="store_true", help="Print one JSON object at the end, and nothing else")
    where.add_argument("--quiet", action="store_true", help="Show no progress and no table, only what went wrong")
    return parser


_DEFAULTS = {method: RunConfig.model_validate({"method": method}) for method in METHODS}
_PLACED = ("method", "preset", "images", "steps")


def _add_rest(group: Any, kind: str, fields: Iterable[tuple[str, FieldInfo]]) -> None:
    for name, info in fields:
        _add(group, kind, name, info)


def _add(group: Any, kind: str, name: str, info: FieldInfo, metavar: str = "", text: str = "") -> None:
    """One option for a field. Its value stays text; it is checked with all the others.

    Args:
        metavar, text: instead of what the field says of itself.
    """
    help_text = text or (info.description or info.title or name).rstrip(".") + _range(info)
    methods = _methods(info)
    if len(methods) < len(METHODS):
        help_text = f"[{', '.join(methods)}] {help_text}"
    where = {"dest": f"{kind}.{name}", "help": _escape(help_text + _default(name, info, kind))}
    kinds = kind_of(info)
    if kinds.type is bool:
        group.add_argument(option(name), action=argparse.BooleanOptionalAction, **where)
    else:
        group.add_argument(option(name), metavar=metavar or kinds.metavar, **where)


def _methods(info: FieldInfo) -> list[str]:
    """The methods that read the setting."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    methods = extra.get("methods")
    return [str(method) for method in methods] if isinstance(methods, list) else list(METHODS)


def _range(info: FieldInfo) -> str:
    return f"; {kind_of(info).allowed}" if kind_of(info).type in (int, float) else ""


def _default(name: str, info: FieldInfo, kind: str) -> str:
    """The default, and by method where methods differ."""
    if kind == "session":
        values = {"": info.default}
    else:
        values = {m: getattr(_DEFAULTS[m], name) for m in METHODS if m in _methods(info) and name != "method"}
    texts = {method: _text(value) for method, value in values.items()}
    if len(set(texts.values())) == 1:
        text = next(iter(texts.values()))
        return f" (default {text})" if text else ""
    return f" (default {', '.join(f'{method} {text}' for method, text in texts.items())})"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _escape(text: str) -> str:
    return text.replace("%", "%%")
