"""From words of the command line to values, and errors to exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from sushibelt.errors import Refused, RunFailed, SushibeltError, TimedOut, Unreachable

if TYPE_CHECKING:
    from rich.table import Table

OK, FAILED, USAGE, UNREACHABLE, REFUSED, TIMED_OUT, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130
EXIT_CODES = (
    "Exit codes: 0 done, 1 the run failed or a file is bad, 2 wrong usage, 3 no service answers, 4 the service "
    "refused, 5 timed out, 6 no server is installed here, 130 interrupted (the run goes on)."
)


@contextmanager
def exits() -> Iterator[None]:
    """Errors as one line on standard error and an exit code. Whoever read standard output may stop, as `head` does."""
    try:
        yield
    except BrokenPipeError:
        with contextlib.suppress(OSError):  # else Python writes the rest of it there at its end, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(OK) from None
    except (SushibeltError, OSError) as error:
        print(f"sushibelt: {error}", file=sys.stderr)
        raise typer.Exit(code_of(error)) from None


def code_of(error: Exception) -> int:
    """The exit code of an error."""
    for kind, code in ((Unreachable, UNREACHABLE), (Refused, REFUSED), (TimedOut, TIMED_OUT), (RunFailed, FAILED)):
        if isinstance(error, kind):
            return code
    return FAILED


def value(text: str) -> Any:
    """A value as JSON reads it, else the text itself: 0.5, true, digits."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, int | float | bool | str) else text


def settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`momentum=0.5` and the like as a table. Raises typer.BadParameter."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name or not text:
            raise typer.BadParameter(f"{pair!r} is not name=value; write it like momentum=0.5")
        if name in found:
            raise typer.BadParameter(f"{name} is given twice")
        found[name] = value(text)
    return found


def an_id(text: str) -> str:
    """An id that is one; an empty one is a variable of the shell that was never set. Raises typer.BadParameter."""
    if not text.strip():
        raise typer.BadParameter("it is empty; give the id of a run, as `sushibelt ls` lists them")
    return text


def only_new(found: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, unless an option or argument says one of them, too. Raises typer.BadParameter."""
    for name in found:
        if options.get(name) is not None:
            raise typer.BadParameter(f"{name} is given twice: by --set, and by an argument or option of its own")
    return found


def grid(pairs: Sequence[str]) -> dict[str, list[Any]]:
    """`momentum=0,0.5,0.99` and the like."""
    found: dict[str, list[Any]] = {}
    for name, text in ((pair.partition("=")[0], pair.partition("=")[2]) for pair in pairs):
        if not name or not text:
            raise typer.BadParameter(f"{name!r} has no values; write it like momentum=0,0.5,0.99")
        if name in found:
            raise typer.BadParameter(f"{name} is given twice; write all of its values like momentum=0,0.5,0.99")
        found[name] = [value(part) for part in text.split(",") if part]
    return found


def seeds(text: str | None) -> list[int] | None:
    """`0,1,2`. Raises typer.BadParameter."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a list of seeds; write it like 0,1,2")
    return [int(part) for part in parts]


def schedule(entries: Sequence[str]) -> list[dict[str, Any]] | None:
    """`500:momentum=0.5,temperature=0.2` and the like, in order."""
    found = []
    for entry in entries:
        step, colon, pairs = entry.partition(":")
        if not colon or not step.isdecimal():
            raise typer.BadParameter(f"{entry!r} is not STEP:name=value; write it like 500:momentum=0.5")
        found.append({"at": int(step), **settings(pairs.split(","))})
    return sorted(found, key=lambda entry: entry["at"]) or None


def schedules(entries: Sequence[str]) -> list[dict[str, Any]] | None:
    """`late=500:momentum=0.5;800:momentum=0.9` and the like: a name, and knob changes by step."""
    found = []
    for entry in entries:
        name, equals, changes = entry.partition("=")
        if not equals or not name or ":" in name:
            raise typer.BadParameter(f"{entry!r} has no name; write it like late=500:momentum=0.5")
        found.append({"name": name, "schedule": schedule([part for part in changes.split(";") if part]) or []})
    return found or None


def plain(values: list[Any]) -> list[Any]:
    """As JSON carries them: NaN is null."""
    return [None if isinstance(found, float) and found != found else found for found in values]


def print_table(table: Table) -> None:
    """On standard output, in the colours of the terminal."""
    from rich.console import Console

    class Said(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `exits` knows what to do; rich ends with 1

    Said().print(table)


def print_json(value: Any) -> None:
    """One JSON value on a line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)
