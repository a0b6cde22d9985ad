"""The OpenAPI document: what the routes and models say, with the problem schema, true examples and ordered tags.

The examples are answers of the service, kept in `server/api/examples/`, one file an operation, written by
`tests/contract/write_examples.py`. Tests hold them against the schemas and ask the service for the same again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from server.errors import MEDIA_TYPE, Problem, declared

EXAMPLES = Path(__file__).parent / "api" / "examples"
JSON = "application/json"

TAGS = {
    "catalog": "What there is to choose from: methods, presets, image sets, settings with their ranges, figures.",
    "runs": "A run is one learner in training. Make it, change its knobs, command it, fork it, remove it.",
    "sweeps": "A grid of runs over settings, seeds and knob schedules, and one table of how they ended.",
    "readings": "What a run has said: metrics by step, events in order, the present tick, the whole recording.",
    "checkpoints": "States of a run that are kept on disk. A run goes on from them, and can be forked at each.",
    "images": "Thumbnails of an image set, many on one sheet.",
    "private": "Permissions to show a private run in pages: tokens that expire and can be revoked, and tickets.",
    "embedding": "For other sites: the frame that shows a piece. docs/embed.md says how they may show it.",
    "storage": "What the runs keep on disk, and the limits on it.",
    "health": "For whatever watches over the service.",
}
"""In this order; a tag of a router that is not named here comes after them, without a word."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The document as it is served."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=[{"url": "/", "description": "The service that answers with this document."}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problems = json.loads((EXAMPLES / "problems.json").read_text())
    for path in document["paths"].values():
        for operation in path.values():
            _summary(operation)
            if "security" in operation:  # public runs need none
                operation["security"] = [{}, *operation["security"]]
            if "requestBody" in operation:  # server.api.deps.json_only
                answers = operation["responses"] | {str(status): told for status, told in declared(415).items()}
                operation["responses"] = dict(sorted(answers.items()))
            _examples(operation, problems)
    return document


def _summary(operation: dict[str, Any]) -> None:
    """The first sentence of the description, in place of the function's name; what follows it stays."""
    first, stop, rest = operation["description"].replace("\n", " ").partition(". ")
    operation["summary"] = first.removesuffix(".")
    if stop:
        operation["description"] = f"{first}. {rest}"


def _examples(operation: dict[str, Any], problems: dict[str, Any]) -> None:
    file = EXAMPLES / f"{operation['operationId']}.json"
    if file.is_file():
        example = json.loads(file.read_text())
        if "request" in example:
            operation["requestBody"]["content"][JSON]["example"] = example["request"]
        if "answer" in example:
            operation["responses"][str(example["status"])]["content"][JSON]["example"] = example["answer"]
    for status, response in operation["responses"].items():
        if status in problems and MEDIA_TYPE in response.get("content", {}):
            response["content"][MEDIA_TYPE] = response["content"][MEDIA_TYPE] | {"example": problems[status]}
