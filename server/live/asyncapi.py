"""The live wire as an AsyncAPI 3 document, made from the models of its messages (server/live/messages.py)."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server import __version__
from server.access import BEARER, SUBPROTOCOL
from server.live.hub import MAX_RATE
from server.live.messages import CLOSE_CODES, MESSAGE_LIMIT, MIN_RATE, OF_MANY_RUNS, OF_ONE_RUN, SENT
from server.live.viewer import DEFAULT_SECTIONS, SECTIONS
from server.live.wire import DTYPES

router = APIRouter(tags=["live"])

TICK = f"""One tick: SBT1 (4 bytes), header length (u32, little endian), JSON header padded with spaces to a multiple
of 8, then sections of raw little-endian numbers, each padded to 8 bytes. `start` of a section counts from the first
byte after the header. Number types: {", ".join(DTYPES)}. A snapshot holds the whole dictionary, a later tick the newest
writes. A viewer that falls behind gets the newest tick; events are never skipped."""

TICK_HEADER: dict[str, Any] = {
    "type": "object",
    "required": ["run", "epoch", "offset", "step", "time", "snapshot", "scalars", "sections"],
    "properties": {
        "run": {"type": "string"},
        "epoch": {"type": "integer"},
        "offset": {"type": "integer"},
        "step": {"type": "integer"},
        "time": {"type": "number", "description": "Seconds since 1970."},
        "snapshot": {"type": "boolean"},
        "scalars": {"type": "object", "additionalProperties": {"type": ["number", "string", "boolean", "null"]}},
        "sections": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "dtype", "shape", "start"],
                "properties": {
                    "name": {"type": "string"},
                    "dtype": {"enum": list(DTYPES)},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "start": {"type": "integer", "multipleOf": 8},
                },
            },
        },
    },
}

QUERY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sections": {
            "type": "string",
            "description": f"Of {', '.join(SECTIONS)}, separated by commas; {','.join(DEFAULT_SECTIONS)} if left out, "
            "scalars alone if empty.",
        },
        "rate": {"type": "number", "description": f"Ticks a second, {MIN_RATE:g} to {MAX_RATE:g}."},
        "since": {"type": "string", "description": "EPOCH:OFFSET: bring back the events after it."},
    },
}

HEADERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Authorization": {"type": "string", "description": "`Bearer` and the key of a private run, or a ticket to it."},
        "Sec-WebSocket-Protocol": {
            "type": "string",
            "description": f"A page, which sets no headers, offers `{SUBPROTOCOL}` and `{BEARER}TICKET` instead; the "
            "service takes the first.",
        },
    },
}


@cache
def describe(version: str = __version__) -> dict[str, Any]:
    """The document."""
    one, many = list(OF_ONE_RUN.values()), list(OF_MANY_RUNS.values())
    models: list[type[BaseModel]] = [*SENT, *one, *many]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    components: dict[str, Any] = {
        model.__name__: {
            "name": model.model_fields["kind"].annotation.__args__[0],  # type: ignore[union-attr]
            "summary": " ".join((model.__doc__ or "").split()),
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        }
        for model in models
    }
    components["Tick"] = {
        "name": "tick",
        "summary": " ".join(TICK.split()),
        "contentType": "application/octet-stream",
        "headers": TICK_HEADER,
        "payload": {"type": "string", "format": "binary"},
    }
    sent = [model.__name__ for model in SENT] + ["Tick"]
    of_one = [model.__name__ for model in SENT if not model.many_only] + ["Tick"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sushibelt's live wire",
            "version": version,
            "description": "What a run says while it trains, over WebSockets; REST is described by /openapi.json. "
            f"Messages of a viewer are JSON text of at most {MESSAGE_LIMIT} bytes.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "run": {
                "address": "/api/v1/runs/{run}/live",
                "title": "One run",
                "parameters": {"run": {"description": "Id of the run."}},
                "bindings": {"ws": {"query": QUERY, "headers": HEADERS}},
                "messages": _references(of_one + [model.__name__ for model in one]),
            },
            "runs": {
                "address": "/api/v1/live",
                "title": "Many runs",
                "bindings": {"ws": {"headers": HEADERS}},
                "messages": _references(sent + [model.__name__ for model in many]),
            },
        },
        "operations": {
            "hearRun": _operation("send", "run", of_one),
            "askOfRun": _operation("receive", "run", [model.__name__ for model in one]),
            "hearRuns": _operation("send", "runs", sent),
            "askOfRuns": _operation("receive", "runs", [model.__name__ for model in many]),
        },
        "components": {"messages": components, "schemas": schemas["$defs"]},
        "x-close-codes": {str(code): meaning for code, meaning in CLOSE_CODES.items()},
    }


def _references(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _operation(action: str, channel: str, names: list[str]) -> dict[str, Any]:
    where = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": where},
        "messages": [{"$ref": f"{where}/messages/{name}"} for name in names],
    }


@router.get("/asyncapi.json", include_in_schema=False)
async def document() -> JSONResponse:
    """The live wire as AsyncAPI."""
    return JSONResponse(describe())
