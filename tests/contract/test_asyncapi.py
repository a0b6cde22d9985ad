"""The AsyncAPI document says all that the wire does: every kind of message, every field, every close code."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from server.app import create_app
from server.live import messages
from server.live.asyncapi import describe
from server.live.wire import encode, read_head
from server.settings import Settings
from tests.contract import write

LIVE = Path(messages.__file__).parent


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(write.DOCUMENT.read_text())
    return found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_it_has_the_parts_of_asyncapi_3(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert set(document["info"]) >= {"title", "version"}
    for channel in document["channels"].values():
        parameters = set(re.findall(r"{(\w+)}", channel["address"]))
        assert parameters == set(channel.get("parameters", {}))
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"])


def test_every_message_and_field_is_described(document: dict[str, Any]) -> None:
    models = [*messages.SENT, *messages.OF_ONE_RUN.values(), *messages.OF_MANY_RUNS.values()]
    assert set(document["components"]["messages"]) == {model.__name__ for model in models} | {"Tick"}
    for model in models:
        schema = document["components"]["schemas"][model.__name__]
        assert set(schema["properties"]) == {field.alias or name for name, field in model.model_fields.items()}
        assert schema["additionalProperties"] is False
        assert document["components"]["messages"][model.__name__]["summary"]
    offered = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert offered == set(document["components"]["messages"])


def test_every_kind_that_the_code_says_has_a_model() -> None:
    said = {
        kind for path in LIVE.parent.rglob("*.py") for kind in re.findall(r"wire\.text\(\s*\"(\w+)\"", path.read_text())
    }
    assert said == {model.model_fields["kind"].annotation.__args__[0] for model in messages.SENT}


def test_every_close_code_is_described(document: dict[str, Any]) -> None:
    source = "\n".join(path.read_text() for path in LIVE.parent.rglob("*.py"))
    used = set(re.findall(r"\b(1000|1012|44\d\d)\b", source.replace(str(messages.CLOSE_CODES), "")))
    assert set(document["x-close-codes"]) == {str(code) for code in messages.CLOSE_CODES}
    assert used <= set(document["x-close-codes"])


def test_the_header_of_a_tick_is_described(document: dict[str, Any]) -> None:
    place: dict[str, Any] = {"run": "r", "epoch": 1, "offset": 1, "step": 1, "time": 1.0, "snapshot": True}
    header, _ = read_head(b"SBT1", encode(**place, scalars={}, sections={"x": write.words(1)}))
    described = document["components"]["messages"]["Tick"]["headers"]
    assert list(header) == described["required"] == list(described["properties"])
    assert list(header["sections"][0]) == described["properties"]["sections"]["items"]["required"]


def test_it_is_served(tmp_path: Path) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(Settings(data_dir=tmp_path)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/asyncapi.json")

    answer = asyncio.run(ask())
    assert answer.status_code == 200
    assert answer.json() == describe()
