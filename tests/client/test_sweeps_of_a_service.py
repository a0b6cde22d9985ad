"""A sweep from Python and from the command line, against the real service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from running import Running
from test_command_line import sushibelt

from sushibelt import Client, Invalid, NotFound, TimedOut

BASE = {"batch_size": 4, "steps": 20}


def test_a_sweep_from_the_grid_to_the_plot(client: Client) -> None:
    sweep = client.sweep({"momentum": [0, 0.5, 0.99]}, method="moco", seeds=[0, 101], evaluate=True, **BASE)
    assert (sweep.state, sweep.total) == ("running", 6)
    assert sweep.wait(timeout=180).state == "finished"
    assert sweep.progress == 1
    table = sweep.table()
    assert list(table["momentum"]) == [0, 0, 0.5, 0.5, 0.99, 0.99]
    assert list(table["seed"]) == [0, 101] * 3
    assert list(table["state"]) == ["finished", "failed"] * 3
    assert list(table["step"]) == [20, 3] * 3
    assert table["knn_backbone"][0] == 0.5
    assert "shapes do not match" in table["reason"][1]
    assert "consistency" in table
    assert "consistency" not in str(table), "these trainers measure none"
    runs = list(sweep)
    assert [run.id for run in runs] == list(table["run"])
    assert {run.id for run in client.runs(sweep=sweep.id)} == {run.id for run in runs}
    [line] = sweep.plot(y="loss").lines
    assert list(line.get_xdata()) == list(table["momentum"])
    assert list(sweep.table(["loss"])) == ["momentum", "seed", "run", "state", "step", "reason", "loss"]
    [newest] = client.sweeps(limit=1)
    assert newest.id == sweep.id
    assert newest.plot(y="loss").get_xlabel() == "momentum", "also where it came without its cells"
    sweep.delete(runs=True)
    with pytest.raises(NotFound):
        client.get_sweep(sweep.id)
    with pytest.raises(NotFound):
        client.get(runs[0].id)


def test_without_seeds_the_base_has_the_say(client: Client) -> None:
    sweep = client.sweep({"momentum": [0.5]}, method="moco", seed=7, **BASE).wait(timeout=180)
    assert [run.config["seed"] for run in sweep] == [7]
    assert "seed" not in sweep.table()
    plain = client.sweep(method="moco", seeds=[1, 2], **BASE).wait(timeout=180)
    assert plain.plot(y="loss").get_xlabel() == "seed"


def test_schedules_are_an_axis_with_names(client: Client) -> None:
    late = {"name": "late", "schedule": [(10, {"momentum": 0.25})]}
    sweep = client.sweep(method="moco", schedules=[late], momentum=0.9, **BASE).wait(timeout=180)
    table = sweep.table(["momentum"])
    assert (list(table["schedule"]), list(table["momentum"])) == (["late"], [0.25])


def test_a_bad_cell_names_its_axis(client: Client) -> None:
    with pytest.raises(Invalid, match="given: 7") as caught:
        client.sweep({"momentum": [0.5, 7]}, method="moco", **BASE)
    assert list(caught.value.fields) == ["grid.momentum"]


@pytest.mark.parametrize("grid", [{"momentum": 0.5}, {"images": "digits"}])
def test_a_value_that_is_no_list_is_named(client: Client, grid: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="list") as caught:
        client.sweep(grid, method="moco", **BASE)
    assert list(caught.value.fields) == [f"grid.{next(iter(grid))}"]


def test_a_sweep_is_cancelled(client: Client) -> None:
    sweep = client.sweep({"momentum": [0, 0.5]}, method="moco", batch_size=4, steps=100_000, seed=105, parallel=1)
    with pytest.raises(TimedOut, match="it goes on"):
        sweep.wait(timeout=0.5)
    assert sweep.cancel().state == "cancelled"
    assert sweep.resource["counts"] == {"stopped": 1, "cancelled": 1}
    assert sweep.wait().state == "cancelled"


def test_the_command_prints_the_table(belt: Running) -> None:
    words = ["sweep", "moco", "--grid", "momentum=0,0.99", "--steps", "20", "--set", "batch_size=4"]
    done = sushibelt(belt.url, *words, "--seeds", "3", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("sushibelt: sweep s"), "whose id is needed when the terminal is closed"
    table = json.loads(done.stdout)
    assert (table["momentum"], table["seed"], table["state"]) == ([0, 0.99], [3, 3], ["finished"] * 2)
    assert "finished" in sushibelt(belt.url, *words).stdout
    assert sushibelt(belt.url, *words, "--seeds", "101").returncode == 1, "a run failed"
    assert sushibelt(belt.url, *words, "--seeds", "a").returncode == 2
