"""Metrics as JSON, CSV and Parquet: chosen by `format` or `Accept`, whole, and the same numbers in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars
import pytest
from running import Running

from server.api import readings
from server.api.formats import negotiate
from server.errors import NotAcceptable

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), lessons=False) as running:
        yield running


@pytest.fixture(scope="module")
def run(belt: Running) -> str:
    made = belt.create(steps=60)["id"]
    belt.becomes(made, "finished")
    return str(made)


def as_rows(text: str) -> list[dict[str, Any]]:
    return [
        {name: float(value) if value else None for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


def test_the_three_say_the_same_to_the_last_bit(belt: Running, run: str) -> None:
    path = f"/runs/{run}/metrics"
    columns = belt.http.get(path).json()["columns"]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    text = belt.http.get(path, params={"format": "csv"})
    assert text.headers["content-type"].startswith(CSV)
    assert text.text.splitlines()[0].split(",")[0] == "step"
    assert as_rows(text.text) == rows
    file = belt.http.get(path, params={"format": "parquet"})
    assert file.headers["content-type"] == PARQUET
    table = polars.read_parquet(io.BytesIO(file.content))
    assert table.schema["step"] == polars.Int64
    assert table.to_dicts() == [{name: row[name] for name in table.columns} for row in rows]
    assert table["accuracy"].null_count() == 30


def test_long_runs_are_whole_although_they_come_in_parts(
    belt: Running, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "MAX_ROWS", 7)
    query = {"format": "csv", "names": "loss,effective_rank", "from": 5, "to": 55}
    rows = as_rows(belt.http.get(f"/runs/{run}/metrics", params=query).text)
    assert [row["step"] for row in rows] == list(range(5, 56))
    assert list(rows[0]) == ["step", "loss", "effective_rank"]
    assert {row["effective_rank"] for row in rows} == {None}
    found = polars.read_parquet(
        io.BytesIO(belt.http.get(f"/runs/{run}/metrics", params=query | {"format": "parquet", "every": 2}).content)
    )
    assert found["step"].to_list() == list(range(6, 56, 2))
    assert np.allclose(found["loss"].to_numpy(), 1 / (1 + found["step"].to_numpy()))


def test_a_run_without_metrics_gives_a_table_without_rows(belt: Running) -> None:
    run = belt.create()["id"]
    assert belt.http.get(f"/runs/{run}/metrics", params={"format": "csv"}).text == "step\r\n"
    file = belt.http.get(f"/runs/{run}/metrics", params={"format": "parquet"})
    assert polars.read_parquet(io.BytesIO(file.content)).shape == (0, 1)
    belt.command(run, "stop")


def test_format_wins_over_accept_and_what_is_unknown_is_refused(belt: Running, run: str) -> None:
    def asked(format_: str | None, accept: str) -> Any:
        query = {"format": format_} if format_ else {}
        return belt.http.get(f"/runs/{run}/metrics", params=query, headers={"Accept": accept})

    assert asked(None, CSV).headers["content-type"].startswith(CSV)
    assert asked(None, "*/*").headers["content-type"] == "application/json"
    assert asked("json", CSV).headers["content-type"] == "application/json"
    assert asked("csv", "image/png").headers["content-type"].startswith(CSV)
    assert "Accept" in asked(None, CSV).headers["vary"]
    refused = asked(None, "image/png")
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    assert PARQUET in refused.json()["detail"]
    wrong = asked("xlsx", "*/*")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "format")


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        (None, "json"),
        ("", "json"),
        ("text/*", "csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "csv"),
        ("application/json;q=0, */*", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        (f"{PARQUET}, application/json;q=0.9", "parquet"),
        ("TEXT/CSV", "csv"),
    ],
)
def test_accept_is_read_as_the_rfc_says(accept: str | None, found: str) -> None:
    assert negotiate(accept) == found


@pytest.mark.parametrize("accept", ["image/*", "text/csv;q=0", "application/json;q=nonsense", ";"])
def test_nothing_that_fits_is_an_error(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept)
