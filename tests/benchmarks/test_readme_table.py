"""README's table of speed is made from the stored results, and says what they say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from benchmarks import readme_table, results
from benchmarks.cuda import run_goals, speed_goals
from benchmarks.readme_table import README, SECTIONS, markers

TWO = {"median": 2.0, "low": 1.5, "high": 2.5}
COMPARISON: dict[str, Any] = {
    "plan": {"method": "moco", "encoder": "resnet18", "batch": 512, "steps": 1, "rounds": 1},
    "images_per_second": {"ours": {"median": 31_000.0, "low": 29_000.0, "high": 32_000.0}, "lightly": TWO},
    "ratio": {"as they come": {"median": 12.0, "low": 9.0, "high": 13.0}, "both float32": TWO},
    "peak_memory_mib": {"ours": 100.0, "lightly": 200.0},
}
QUEUES = [{"value": 4_096, "times_first": TWO}, {"value": 65_536, "times_first": {"median": 1.2, "low": 1, "high": 2}}]


START, END = markers("benchmarks")


@pytest.mark.parametrize("name", SECTIONS)
def test_readme_and_stored_results_agree(name: str) -> None:
    shown = readme_table.between(README.read_text(encoding="utf-8"), name)
    assert shown == SECTIONS[name](results.FOLDER).strip(), "run `python -m benchmarks.readme_table`"


def store(folder: Path, name: str, values: dict[str, Any], table: list[list[str]] | None = None) -> None:
    results.publish(name, caption="A caption", table=table or [["a"], ["1"]], values=values, folder=folder)


def test_a_result_is_in_the_table_with_its_machine(tmp_path: Path) -> None:
    assert readme_table.text(tmp_path) == readme_table.NOT_YET
    store(tmp_path, "throughput-cpu-2", {"comparisons": [COMPARISON]})
    store(tmp_path, "throughput-short-cpu-2", {"comparisons": [COMPARISON]})
    store(tmp_path, "live-cost-cpu-2", {"runs": [{"method": "moco", "batch": 64, "watched_over_bare": TWO}]})
    text = readme_table.text(tmp_path)
    assert text.count("MoCo, resnet18 encoder, batch 512 | 31,000 | 2 | 12.00 (9.00 to 13.00) | 2.00") == 1
    assert "moco, batch 64 | 2.000" in text
    stored = results.read("throughput-cpu-2", tmp_path)
    assert stored is not None
    assert stored["date"] in text
    assert readme_table.NO_GPU in text


def test_another_number_makes_another_table(tmp_path: Path) -> None:
    store(tmp_path, "throughput-cpu-2", {"comparisons": [COMPARISON]})
    before = readme_table.text(tmp_path)
    other = copy.deepcopy(COMPARISON)
    other["ratio"]["as they come"]["median"] = 11.9
    store(tmp_path, "throughput-cpu-2", {"comparisons": [other]})
    assert readme_table.text(tmp_path) != before


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    readme = f"above\n{START}\nold\n{END}\nbelow\n"
    assert readme_table.written(readme, "new") == f"above\n{START}\nnew\n{END}\nbelow\n"
    assert readme_table.between(readme_table.written(readme, "new")) == "new"
    with pytest.raises(ValueError, match="benchmarks:end"):
        readme_table.between(f"above\n{START}\nold")


def test_goals_say_whether_they_were_met() -> None:
    runs = [{"preset": "moco-v1", "passes": 200, "minutes": 6.0, "knn": {"accuracy": 0.8, "train": 9, "test": 5}}]
    rows = {row[0]: row[1:] for row in [*speed_goals([COMPARISON], QUEUES), *run_goals(runs)]}
    assert rows["MoCo, resnet18, batch 512: times lightly"] == ["10 at least", "12.00 (9.00 to 13.00)", "yes"]
    assert rows["MoCo, resnet18, batch 512: images/s (H100)"][2] == "yes"
    assert rows["K = 65,536: times K = 4,096"] == ["1.15 at most", "1.20 (1.00 to 2.00)", "no"]
    assert rows["moco-v1, 200 passes: minutes (H100)"][2] == "no"
    assert rows["moco-v1, 200 passes: kNN"][:2] == ["published 82.6 % after 200", "80.0% (9 voters, 5 asked)"]
