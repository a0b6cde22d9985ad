"""The list of runs: filters, pages that survive deletions, and answers that are sent again only when they changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from running import Running


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), lessons=False) as running:
        yield running


@pytest.fixture(scope="module")
def made(belt: Running) -> list[str]:
    """Oldest first: two finished of moco, one stopped of simclr, one that trains."""
    runs = [belt.create(steps=2, name="Slow drift")["id"], belt.create(steps=2, name="fast")["id"]]
    runs.append(belt.create(method="simclr", steps=100_000, name="drifting")["id"])
    runs.append(belt.create(images="slow", steps=100_000, name="on")["id"])
    for run in runs[:2]:
        belt.becomes(run, "finished")
    belt.command(runs[2], "stop")
    belt.becomes(runs[3], "running")
    return runs


def listed(belt: Running, **query: Any) -> list[str]:
    return [run["id"] for run in belt.http.get("/runs", params=query).json()["runs"]]


def test_filters_choose_and_together(belt: Running, made: list[str]) -> None:
    assert listed(belt) == made[::-1]
    assert listed(belt, state="finished") == [made[1], made[0]]
    assert listed(belt, state="finished,stopped") == [made[2], made[1], made[0]]
    assert listed(belt, method="simclr") == [made[2]]
    assert listed(belt, images="slow") == [made[3]]
    assert listed(belt, name="DRIFT") == [made[2], made[0]]
    assert listed(belt, name="drift", state="finished") == [made[0]]
    assert listed(belt, sweep="nothing") == []
    for query, field in [({"state": "asleep"}, "state"), ({"method": "clip"}, "method"), ({"limit": 0}, "limit")]:
        answer = belt.http.get("/runs", params=query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_a_page_goes_on_where_the_last_ended_though_its_last_run_is_deleted(belt: Running, made: list[str]) -> None:
    more = [belt.create(steps=1)["id"] for _ in range(5)][::-1]
    first = belt.http.get("/runs", params={"limit": 3}).json()
    assert [run["id"] for run in first["runs"]] == more[:3]
    assert belt.http.delete(f"/runs/{more[2]}").status_code == 204
    newer = belt.create(steps=1)["id"]
    rest = belt.http.get("/runs", params={"limit": 50, "cursor": first["next"]}).json()
    assert [run["id"] for run in rest["runs"]] == [*more[3:], *made[::-1]]
    assert rest["next"] is None
    assert newer not in [run["id"] for run in rest["runs"]]
    for cursor in ("nonsense", "", "bmFuIHg", made[0], "é"):
        answer = belt.http.get("/runs", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


def test_pages_have_each_run_once(belt: Running, made: list[str]) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = belt.http.get("/runs", params={"limit": 1, **cursor}).json()
        seen += [run["id"] for run in page["runs"]]
        if page["next"] is None:
            break
        assert len(seen) < 100, "the pages never end"
        cursor = {"cursor": page["next"]}
    assert seen == listed(belt)


@pytest.mark.parametrize("path", ["/runs?state=stopped", "/runs/{run}", "/catalog", "/runs/{run}/events"])
def test_what_has_not_changed_is_not_sent_again(belt: Running, made: list[str], path: str) -> None:
    path = path.format(run=made[2])
    first = belt.http.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"'), "strong"
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = belt.http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert belt.http.get(path, headers={"If-None-Match": '"other"'}).json() == first.json()


def test_a_change_changes_the_tag(belt: Running, made: list[str]) -> None:
    tags = [belt.http.get(path).headers["etag"] for path in ("/runs", f"/runs/{made[3]}")]
    belt.command(made[3], "step", steps=2)
    for path, tag in zip(("/runs", f"/runs/{made[3]}"), tags, strict=True):
        answer = belt.http.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != tag
    belt.command(made[3], "resume")


def test_openapi_tells_of_304_wherever_there_is_an_etag(belt: Running) -> None:
    paths = belt.http.get(belt.url + "/openapi.json").json()["paths"]
    for path in ("/api/v1/runs", "/api/v1/runs/{run_id}", "/api/v1/catalog", "/api/v1/runs/{run_id}/events"):
        answers = paths[path]["get"]["responses"]
        assert "content" not in answers["304"]
        assert "ETag" in answers["200"]["headers"]
        assert "application/json" in answers["200"]["content"]


def test_a_wrong_method_of_a_known_call_is_405(belt: Running) -> None:
    answer = belt.http.post("/catalog", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET"
    both = belt.http.put("/runs/lesson-belt", json={})
    assert both.headers["allow"] == "GET, DELETE", "two routes of one path"
    assert belt.http.get("/nonsense").status_code == 404
