"""The OpenAPI document as a page: each call with its parameters, body, answers and errors, then the objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from server.reference.markdown import code, inline
from server.reference.schemas import fields_table, reference, words

Table = Mapping[str, Any]


def body(document: Table) -> tuple[str, list[tuple[str, str]]]:
    """The page's HTML, and anchor and text of its headings."""
    calls = [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    schemas = document["components"]["schemas"]
    common = _common(operation for _, _, operation in calls)
    parts = [
        "<h1>REST calls</h1>\n",
        f"<p>{inline(document['info']['description'])}</p>\n",
        f"<p>Every call may also answer {_statuses(common)}, as a {reference('Problem')}.</p>\n",
    ]
    parts += [_call(method, path, operation, common) for method, path, operation in calls]
    parts.append('<h2 id="objects"><a href="#objects">Objects</a></h2>\n')
    parts += [_object(name, schema) for name, schema in sorted(schemas.items())]
    headings = [(operation["operationId"], f"{method} {path}") for method, path, operation in calls]
    return "".join(parts), [*headings, ("objects", "Objects")]


def _common(operations: Iterable[Table]) -> set[str]:
    """Errors that every call declares: said once."""
    declared = [{status for status in operation["responses"] if status >= "400"} for operation in operations]
    return set.intersection(*declared)


def _call(method: str, path: str, operation: Table, common: set[str]) -> str:
    name = operation["operationId"]
    title = f'<code><span class="verb">{method}</span> {escape(path)}</code>'
    parts = [f'<h2 id="{name}"><a href="#{name}">{title}</a></h2>\n']
    parts += [f"<p>{inline(part)}</p>\n" for part in operation.get("description", "").split("\n\n") if part]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            (
                f"<code>{escape(each['name'])}</code>",
                each["in"] + (", needed" if each.get("required") and each["in"] != "path" else ""),
                words(each["schema"], null=False),
                inline(each.get("description", "")) + _example_of(each),
            )
            for each in parameters
        ]
        parts.append(fields_table(("parameter", "in", "takes", "meaning"), rows))
    sent = operation.get("requestBody", {}).get("content", {})
    for media, content in sent.items():
        parts.append(f"<p>Body: {words(content.get('schema', {}))} as <code>{escape(media)}</code></p>\n")
        parts += _examples(content)
    parts.append("<dl>\n")
    parts += [_answer(status, response) for status, response in operation["responses"].items() if status < "400"]
    errors = {status for status in operation["responses"] if status >= "400"} - common
    if errors:
        parts.append(f"<dt>errors</dt><dd>{_statuses(errors)}</dd>\n")
    parts.append("</dl>\n")
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if status < "400":
                parts += _examples(content)
    return "".join(parts)


def _answer(status: str, response: Table) -> str:
    said = inline(response.get("description", "")) if response.get("description") != "Successful Response" else ""
    forms = [
        f"{words(content['schema'])} as <code>{escape(media)}</code>"
        if content.get("schema", {}).keys() - {"title"}
        else f"<code>{escape(media)}</code>"
        for media, content in response.get("content", {}).items()
    ]
    headers = [f"<code>{escape(name)}</code>" for name in response.get("headers", {})]
    with_headers = f"with {', '.join(headers)}" if headers else ""
    text = "; ".join(filter(None, (said.rstrip("."), ", ".join(forms), with_headers)))
    return f"<dt>{status}</dt><dd>{text or 'done'}</dd>\n"


def _object(name: str, schema: Table) -> str:
    parts = [f'<h3 id="{name}"><a href="#{name}">{escape(name)}</a></h3>\n']
    parts += [f"<p>{inline(part)}</p>\n" for part in schema.get("description", "").split("\n\n") if part]
    properties = schema.get("properties", {})
    needed = set(schema.get("required", ()))
    if properties:
        rows = [
            (
                f"<code>{escape(field)}</code>" + ("" if field in needed else "?"),
                words(each),
                inline(each.get("description", "")) + _example_of(each),
            )
            for field, each in properties.items()
        ]
        parts.append(fields_table(("field", "is", "meaning"), rows))
    else:
        parts.append(f"<p>{words(schema)}</p>\n")
    parts += _examples(schema)
    return "".join(parts)


def _statuses(statuses: set[str]) -> str:
    return ", ".join(f"{status} {HTTPStatus(int(status)).phrase}" for status in sorted(statuses))


def _example_of(part: Table) -> str:
    """The first example of a parameter or field, after its meaning."""
    found = _values(part) or _values(part.get("schema", {}))
    return f" Like <code>{escape(_shown(found[0]))}</code>." if found else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _values(part: Table) -> list[Any]:
    if "example" in part:
        return [part["example"]]
    given = part.get("examples", [])
    return [each.get("value") for each in given.values()] if isinstance(given, Mapping) else list(given)


def _examples(content: Table) -> list[str]:
    named = content.get("examples")
    titles = [each.get("summary", name) for name, each in named.items()] if isinstance(named, Mapping) else []
    found = _values(content)
    parts = []
    for index, value in enumerate(found):
        title = f"Example: {titles[index]}" if index < len(titles) else "Example"
        shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        language = "" if isinstance(value, str) else "json"
        parts.append(f"<details><summary>{escape(title)}</summary>{code(shown, language)}</details>\n")
    return parts
