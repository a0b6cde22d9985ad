"""What a field of a pydantic model says of itself: its kind, its range in words, its option, what is wrong.

Settings are described once, in their model; options, help and error texts are made from there.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

Fields = Mapping[str, FieldInfo]


class UsageError(Exception):
    """The command line asks for something that cannot be; the text is one line with the option and the fix."""


@dataclass(frozen=True)
class Kind:
    """The plain type of a field, its choices and its bounds."""

    type: type
    choices: tuple[str, ...] = ()
    optional: bool = False
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    @property
    def metavar(self) -> str:
        """What stands behind the option in the help."""
        if self.choices:
            return "{" + ",".join(self.choices) + "}"
        return {int: "N", float: "X"}.get(self.type, "TEXT")

    @property
    def allowed(self) -> str:
        """Every value that is right, in words: 'a number from 0 to 1'."""
        if self.choices:
            words = "one of " + ", ".join(self.choices)
        elif self.type is bool:
            words = "true or false"
        elif self.type in (int, float):
            words = "a whole number" if self.type is int else "a number"
            if self.low is not None and self.high is not None:
                words += f" from {number(self.low)} to {number(self.high)}"
            else:
                bounds = [("from", self.low), ("above", self.above), ("up to", self.high), ("below", self.below)]
                words += "".join(f" {word} {number(bound)}" for word, bound in bounds if bound is not None)
        else:
            words = "text"
        return words + (", or none" if self.optional and self.type in (int, float) else "")


def number(value: float) -> str:
    """A number as people write it: 2,147,483,647 and 0.0005."""
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def kind_of(field: FieldInfo) -> Kind:
    """Reads a field's annotation, also where its bounds hide inside `X | None`."""
    bounds: dict[str, float] = {}
    names = {"ge": "low", "le": "high", "gt": "above", "lt": "below"}
    annotation, metadata, optional = field.annotation, list(field.metadata), False
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        parts = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation = parts[0]
            for extra in parts[1:]:
                metadata += extra.metadata if isinstance(extra, FieldInfo) else [extra]
        else:
            optional = optional or type(None) in parts
            annotation = next(part for part in parts if part is not type(None))
    for constraint in metadata:
        if isinstance(constraint, annotated_types.Ge | annotated_types.Le | annotated_types.Gt | annotated_types.Lt):
            for short, long in names.items():
                if hasattr(constraint, short):
                    bounds[long] = float(getattr(constraint, short))
    if get_origin(annotation) is Literal:
        return Kind(str, tuple(str(choice) for choice in get_args(annotation)), optional)
    return Kind(annotation if isinstance(annotation, type) else str, (), optional, **bounds)


def option(name: str) -> str:
    """The option of a setting."""
    return "METHOD" if name == "method" else "--" + name.replace("_", "-")


def read(fields: Fields, given: Mapping[str, Any]) -> dict[str, Any]:
    """Texts from the command line as pydantic takes them: `none` where a number may be absent."""
    return {
        name: None if value == "none" and kind_of(fields[name]).optional else value for name, value in given.items()
    }


def problem(error: ValidationError, fields: Fields) -> str:
    """The first thing that is wrong, as one line that names the option and the values it takes."""
    first = error.errors()[0]
    text = first["msg"].removeprefix("Value error, ")
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in fields:
        # A rule over several settings; our own texts begin with the name of one of them.
        named = re.match(r"(\w+): (.*)", text, re.DOTALL)
        return f"{option(named[1])}: {named[2]}" if named and named[1] in fields else text
    if first["type"] == "missing":
        return f"{option(name)}: is needed"
    if first["type"] in ("value_error", "string_pattern_mismatch") or kind_of(fields[name]).allowed == "text":
        return f"{option(name)}: {text.removeprefix(name + ': ')}, not {first['input']!r}"
    return f"{option(name)}: give {kind_of(fields[name]).allowed}, not {first['input']}"


def like(word: str, known: Iterable[str]) -> str:
    """A question about the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
