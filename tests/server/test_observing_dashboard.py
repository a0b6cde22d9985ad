"""docs/operate.md and the dashboard name what a service exports, nothing else and nothing less."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import Running, until
from scraping import Scrape, scrape

DOCS = Path(__file__).resolve().parents[2] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8"))
OPERATE = (DOCS / "operate.md").read_text(encoding="utf-8")
NAME = re.compile(r"\b(?:sushibelt|process)_[a-z_]+")
FUNCTIONS = {"sum", "min", "max", "by", "rate", "increase", "histogram_quantile"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Scrape:
    """A reading of a service that did a little of everything."""
    with Running(tmp_path_factory.mktemp("data"), lessons=False) as belt:
        for method in ("moco", "simclr"):
            run = belt.create(method=method, steps=20)["id"]
            with belt.live(run) as viewer:
                viewer.until_frame()
            belt.becomes(run, "finished")
        belt.command(run, "evaluate")
        with belt.live("nothing") as viewer:
            viewer.until_closed()
        until(lambda: scrape(belt.url).of("steps_total", method="simclr") == 20, 30)
        until(lambda: scrape(belt.url).labels("store_bytes", "part"), 30)
        return scrape(belt.url)


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def test_each_metric_of_the_dashboard_is_exported(found: Scrape) -> None:
    exported, asked = set(found.series), {name for query in queries() for name in NAME.findall(query)}
    assert asked <= exported, f"not exported: {asked - exported}"
    assert len(asked) > 30


def test_each_label_of_the_dashboard_is_exported(found: Scrape) -> None:
    given: dict[str, set[str]] = {}
    for name, labels in found.samples:
        given.setdefault(name, {"instance"}).update(label for label, _ in labels)
    for query in queries():
        for name, selector in re.findall(r"(\w+)\{([^}]*)\}", query):
            labels = set(re.findall(r"(\w+)=", selector))
            by = re.search(r"by \(([^)]*)\)", query)
            labels |= {part.strip() for part in by[1].split(",")} if by else set()
            if name in given:  # a family without a sample here has no labels to compare with
                assert labels <= given[name], query


def test_the_dashboard_shows_every_metric_that_is_not_a_detail(found: Scrape) -> None:
    asked = {name for query in queries() for name in NAME.findall(query)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    details = {"sushibelt_events_waiting_bytes", "sushibelt_journal_bytes", "sushibelt_worker_ticks_replaced_total"}
    ours = {name for name in found.kinds if name.startswith("sushibelt_")}
    assert ours - shown == details


def test_the_table_has_each_metric_with_its_type_and_no_other(found: Scrape) -> None:
    rows = dict(re.findall(r"^\| `((?:sushibelt|process)_\w+)` \| (\w+) \|", OPERATE, re.MULTILINE))
    assert rows == found.kinds


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert (DASHBOARD["title"], DASHBOARD["uid"], DASHBOARD["schemaVersion"]) == ("Sushibelt", "sushibelt", 39)
    assert "id" not in DASHBOARD
    identities = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identities)) == len(identities)
    sources = [v for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource"]
    assert [(source["name"], source["query"]) for source in sources] == [("datasource", "prometheus")]
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["type"] in {"timeseries", "stat"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]


def test_the_queries_are_well_formed() -> None:
    for query in queries():
        if query.startswith("label_values"):
            continue
        for opening, closing in ("()", "{}", "[]"):
            assert query.count(opening) == query.count(closing), query
        assert query.count('instance=~"$instance"') == len(NAME.findall(query)), "each metric is of the chosen services"
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\([\w, ]*\)|[\d.]+", " ", query)
        words = set(re.findall(r"[a-z_]+", bare))
        assert {word for word in words if not NAME.fullmatch(word)} <= FUNCTIONS, query
        for name in NAME.findall(query):
            counted = name.endswith(("_total", "_bucket", "_sum", "_count"))
            inside = re.search(rf"(?:rate|increase)\({name}\{{[^}}]*\}}\[", query) is not None
            assert counted == inside, f"{name}: counts are asked for their rate, values are not"


def test_the_scrape_config_is_yaml() -> None:
    [config] = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", OPERATE, re.DOTALL)]
    assert config["scrape_configs"][0]["static_configs"] == [{"targets": ["127.0.0.1:8000"]}]


def test_the_settings_are_documented() -> None:
    from server.settings import Settings

    rows = dict(re.findall(r"^\| `SUSHIBELT_(\w+)` \| ?(?:`(\w*)`)? ?\|", OPERATE, re.MULTILINE))
    assert rows == {"LOG_FORMAT": "auto", "LOG_LEVEL": "info", "METRICS_TOKEN": ""}
    assert (Settings().log_format, Settings().log_level) == ("auto", "info")
    assert Settings().metrics_token.get_secret_value() == ""
