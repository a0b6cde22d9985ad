"""A JSON Schema in words: "integer, 1 to 500; 50 if left out"."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

Table = Mapping[str, Any]


def reference(name: str) -> str:
    """A link to where an object is described."""
    return f'<a href="#{escape(name)}">{escape(name)}</a>'


def fields_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls inside itself. `rows` are HTML."""
    top = "".join(f"<th>{escape(word)}</th>" for word in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{top}</tr></thead><tbody>\n{lines}</tbody></table></div>\n'
    )


def words(schema: Table, *, null: bool = True) -> str:
    """What a value may be, as HTML. `null`: whether to say that it may be null; a parameter is left out instead."""
    text = _kind(schema, null)
    limits = _limits(schema)
    if limits:
        text += f", {limits}"
    if schema.get("default") is not None:
        text += f"; {_literal(schema['default'])} if left out"
    return text


def _kind(schema: Table, null: bool) -> str:
    if "$ref" in schema:
        return reference(schema["$ref"].rpartition("/")[2])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            shown = [each for each in schema[key] if null or each.get("type") != "null"]
            return " or ".join(dict.fromkeys(words(each) for each in shown))
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return " or ".join(_literal(value) for value in schema["enum"])
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return " or ".join(map(str, kind))
    if kind == "array":
        items = schema.get("items") or _tuple(schema)
        return f"list of {words(items)}" if items else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {words(schema['additionalProperties'])} by name"
    return escape(str(schema.get("format") if kind == "string" and schema.get("format") == "binary" else kind))


def _tuple(schema: Table) -> Table | None:
    parts = schema.get("prefixItems")
    return {"anyOf": parts} if parts else None


def _limits(schema: Table) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    found = [f"{_number(low)} to {_number(high)}"] if low is not None and high is not None else []
    alone = {} if found else {"minimum": "at least", "maximum": "at most"}
    for key, said in {**alone, "exclusiveMinimum": "above", "exclusiveMaximum": "below"}.items():
        if schema.get(key) is not None:
            found.append(f"{said} {_number(schema[key])}")
    for key, unit in {"maxLength": " characters", "maxItems": ""}.items():
        if schema.get(key) is not None:
            found.append(f"at most {_number(schema[key])}{unit}")
    return ", ".join(found)


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _literal(value: Any) -> str:
    return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
