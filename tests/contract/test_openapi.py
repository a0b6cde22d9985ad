"""The OpenAPI document teaches: nothing in it lacks words, examples or errors, and every example is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from server.errors import MEDIA_TYPE
from server.openapi import EXAMPLES, JSON, TAGS
from tests.contract.write_examples import CALLS, SITE, address, ask, make_private, remember, secrets
from tests.server.running import Running

WITHOUT_INPUT = {"get_health", "get_readiness", "get_storage", "get_catalog"}
"""Calls with nothing in them that could be wrong but the call itself."""


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), lessons=False, allowed_origins=(SITE,)) as running:
        yield running


@pytest.fixture(scope="module")
def document(belt: Running) -> dict[str, Any]:
    found: dict[str, Any] = belt.http.get(f"{belt.url}/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def media(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body that any call takes or gives, with the call's name and what it is."""
    for name, operation in operations(document).items():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} takes {kind}", content
        for status, response in operation["responses"].items():
            for kind, content in response.get("content", {}).items():
                yield f"{name} answers {status} {kind}", content


def test_every_call_has_words_and_a_tag(document: dict[str, Any]) -> None:
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)
    for name, operation in operations(document).items():
        assert len(operation["summary"]) >= 12, name
        assert operation["summary"].lower() != operation["operationId"].replace("_", " "), name
        assert operation["description"].startswith(operation["summary"]), name
        assert len(operation["tags"]) == 1, name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']}"


def test_every_tag_is_used_and_described(document: dict[str, Any]) -> None:
    used = {operation["tags"][0] for operation in operations(document).values()}
    assert used == set(TAGS)


def test_every_call_says_which_errors_it_has(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        errors = {status for status in operation["responses"] if status[0] in "45"}
        assert {"403", "408", "413", "500"} <= errors, name
        assert name in WITHOUT_INPUT or "422" in errors, name
        for status in errors:
            response = operation["responses"][status]
            assert list(response["content"]) == [MEDIA_TYPE], (name, status)
            assert len(response["description"]) > 5, (name, status)


def test_calls_that_read_the_database_say_that_it_may_be_away(document: dict[str, Any]) -> None:
    reads = {"get_metrics", "list_events", "get_recording", "get_sweep_table"}
    found = {name for name, operation in operations(document).items() if "503" in operation["responses"]}
    assert reads <= found


def test_every_call_has_an_example(document: dict[str, Any]) -> None:
    how = "add it to CALLS of tests/contract/write_examples.py and run that"
    for name, operation in operations(document).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in content, f"{name} lacks the example of a body; {how}"
        main = next(response for status, response in operation["responses"].items() if status[0] == "2")
        for kind, content in main.get("content", {}).items():
            if kind in {JSON, "text/csv", "text/plain"}:
                assert "example" in content, f"{name} lacks the example of an answer; {how}"
            else:
                assert content["schema"]["format"] == "binary", name


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    found = 0
    for where, content in media(document):
        if "example" in content:
            schema = content["schema"] | {"components": document["components"]}
            errors = list(jsonschema_rs.validator_for(schema).iter_errors(content["example"]))
            assert not errors, f"{where}: {errors[0].message} at {errors[0].instance_path}; write_examples renews it"
            found += 1
    assert found >= len(CALLS)


def test_no_example_is_of_a_call_that_is_gone(document: dict[str, Any]) -> None:
    names = {file.stem for file in EXAMPLES.glob("*.json")} - {"problems"}
    assert names == {name for name, *_ in CALLS}
    assert names <= set(operations(document))


def test_the_service_answers_as_the_examples_say(belt: Running) -> None:
    """Not the values, which are a real run's: the calls are taken, and the answers have the same parts."""
    ids = make_private(belt.http)
    for name, method, path, body in CALLS:
        example = json.loads((EXAMPLES / f"{name}.json").read_text())
        assert (example["call"], example.get("request")) == (f"{method} {path}", body)
        answer = ask(belt.http, method, belt.url + address(path, ids), *secrets(path, body, ids))
        assert answer.status_code == example["status"], answer.text
        assert set(answer.json()) == set(example["answer"]), name
        remember(ids, name, answer.json())


def test_lists_of_choices_in_the_words_are_whole(document: dict[str, Any]) -> None:
    """A description that names commands names every one."""
    operation = operations(document)["command_run"]
    commands = document["components"]["schemas"]["Command"]["properties"]["command"]["enum"]
    said = set(re.findall(r"\w+", operation["description"]))
    assert set(commands) <= said
