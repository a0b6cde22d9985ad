"""A refused request says which field is wrong, and what would be right, in words for who sent it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import Running

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("words"), lessons=False) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("/runs", b'{"method":', "body", "is not JSON: Expecting value, at character 10"),
        ("/runs", b"[]", "body", "give an object, in braces"),
        ("/runs", b'{"method": "moco", "momentun": 1}', "momentun", "there is no such field"),
        (
            "/sweeps",
            b'{"base": {"method": "moco", "steps": 3}, "grid": {"momentum": []}}',
            "grid.momentum",
            "at least 1",
        ),
        ("/runs?state=running,runing", None, "state", "'runing' is no state; give one of queued, running, paused"),
        ("/runs?state=", None, "state", "'' is no state"),
        ("/runs/{run}/wait?state=over", None, "state", "'over' is no state; give one of queued"),
        ("/runs?status=running", None, "status", "no such parameter in its address; it takes limit, cursor, state, "),
        ("/runs/{run}?full=1", None, "full", "it takes none"),
        ("/runs/{run}/metrics?names=loss,consistancy", None, "names", "there is no figure 'consistancy'; the catalog"),
        ("/runs/{run}/metrics?names=consistancy&format=csv", None, "names", "there is no figure 'consistancy'"),
    ],
)
def test_the_field_and_what_would_be_right(
    belt: Running, path: str, body: bytes | None, field: str, words: str
) -> None:
    url = path.format(run=belt.create(steps=1)["id"] if "{run}" in path else "")
    answer = belt.http.get(url) if body is None else belt.http.post(url, content=body, headers=JSON)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert words in problem["errors"][0]["message"]
    assert words in problem["detail"]


def test_names_that_are_figures_pass_measured_or_not(belt: Running) -> None:
    run = belt.create(steps=1)["id"]
    assert belt.http.get(f"/runs/{run}/metrics?names=loss,alignment").status_code == 200
    assert belt.http.get("/runs?state=finished,failed").status_code == 200


def test_what_other_protocols_add_to_an_address_is_let_be(belt: Running) -> None:
    url = f"{belt.url}/oembed?url={belt.url}/embed/belt&for=somebody"
    assert belt.http.get(url).status_code == 200
    assert belt.http.get(f"{belt.url}/readyz?x=1").status_code == 200


def test_a_method_that_a_path_does_not_take_names_those_that_it_takes(belt: Running) -> None:
    answer = belt.http.put("/runs")
    assert (answer.status_code, answer.json()["detail"]) == (405, "this path does not take PUT; it takes POST, GET")
    assert answer.headers["allow"] == "POST, GET"
