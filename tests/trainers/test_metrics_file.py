"""Files of figures: whole at any moment, gone on with without hole or double."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_running import rows
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.cli import metrics_parquet
from trainers.cli.metrics_file import MetricsError, begin, go_on

KINDS = pytest.mark.parametrize("ending", ["csv", "parquet"])


def some(first: int, last: int, **more: float) -> dict[str, Any]:
    """Columns of the steps from first to last."""
    steps = np.arange(first, last + 1, dtype=np.float64)
    return {"step": steps, "loss": np.sin(steps)} | {name: np.full(len(steps), x) for name, x in more.items()}


def read(path: Path) -> dict[str, list[float | None]]:
    """The columns as numbers, None where there is none."""
    return {
        name: [None if cell in ("", None) else float(cell) for cell in column] for name, column in rows(path).items()
    }


def fill(path: Path, *parts: dict[str, Any]) -> None:
    file = begin(path)
    for part in parts:
        file.write(part)
    file.close()


@KINDS
def test_a_figure_that_comes_late_gets_its_column_in_the_order_of_the_table(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    fill(path, some(1, 2), some(3, 4, consistency=0.5, zebra=1.0, accuracy=0.25), some(5, 5))
    found = read(path)
    assert list(found) == ["step", "loss", "accuracy", "consistency", "zebra"]
    assert found["step"] == [1, 2, 3, 4, 5]
    assert found["loss"] == [float(np.sin(step)) for step in range(1, 6)]
    assert found["consistency"] == [None, None, 0.5, 0.5, None]
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


@KINDS
def test_what_is_no_number_is_left_empty(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    fill(path, {"step": np.array([1.0, 2.0]), "loss": np.array([np.nan, np.inf])})
    assert read(path)["loss"] == [None, np.inf]


@KINDS
@given(first=st.integers(0, 9), saved=st.integers(0, 9), cut=st.lists(st.integers(1, 12), max_size=3))
@settings(deadline=None, max_examples=25)
def test_going_on_leaves_no_hole_and_no_row_twice(
    tmp_path_factory: pytest.TempPathFactory, ending: str, first: int, saved: int, cut: list[int]
) -> None:
    path = tmp_path_factory.mktemp("x") / f"x.{ending}"
    last = max(first, saved)
    file = begin(path)
    for start, end in zip([0, *sorted(cut)], [*sorted(cut), last], strict=True):
        if start < min(end, last):
            file.write(some(start + 1, min(end, last), accuracy=0.5))
    file.close()
    file = go_on(path, saved)
    file.write(some(saved + 1, 12, consistency=0.25))
    file.close()
    assert read(path)["step"] == list(range(1, 13))
    assert read(path)["loss"] == [float(np.sin(step)) for step in range(1, 13)]
    assert read(path)["consistency"] == [None] * saved + [0.25] * (12 - saved)


@KINDS
def test_rows_can_be_read_while_the_file_is_open(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    file = begin(path)
    file.write(some(1, 3))
    file.flush()
    assert read(path)["step"] == [1, 2, 3]
    file.write(some(4, 5))
    assert read(path)["step"] == ([1, 2, 3, 4, 5] if ending == "csv" else [1, 2, 3])
    file.close()
    assert read(path)["step"] == [1, 2, 3, 4, 5]


def test_parquet_writes_what_waited_too_long_and_fills_its_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_parquet, "WAIT_ROWS", 4)
    monkeypatch.setattr(metrics_parquet, "ROWS", 6)
    path = tmp_path / "x.parquet"
    file = begin(path)
    file.write(some(1, 3))
    assert pq.read_metadata(path).num_rows == 0
    file.write(some(4, 5))
    assert pq.read_metadata(path).num_rows == 5
    file.write(some(6, 14))
    assert [pq.read_metadata(path).row_group(i).num_rows for i in range(3)] == [6, 6, 2]
    file.write(some(15, 18))
    assert [pq.read_metadata(path).row_group(i).num_rows for i in range(3)] == [6, 6, 6]
    assert read(path)["step"] == list(range(1, 19))


@KINDS
def test_a_file_that_does_not_reach_the_checkpoint_or_has_a_hole_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    fill(path, some(1, 3), some(5, 6))
    before = path.read_bytes()
    with pytest.raises(MetricsError, match="has step 5 after step 3; name a new file"):
        go_on(path, 6)
    with pytest.raises(MetricsError, match=r"rows up to step 3 and the checkpoint is of step 4|step 5 after"):
        go_on(path, 4)
    assert path.read_bytes() == before


@KINDS
def test_a_file_that_is_not_ours_is_refused_and_none_is_written_over(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_text("name,age\nAda,36\n")
    with pytest.raises(MetricsError, match="is no file of figures"):
        go_on(path, 1)
    with pytest.raises(MetricsError, match="is there already; give another name"):
        begin(path)
    assert path.read_text() == "name,age\nAda,36\n"


def test_a_csv_line_that_a_kill_tore_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    fill(path, some(1, 4))
    whole = path.read_text()
    for torn in ("5,0.1", "5", "5,0.1,", "\n"):
        path.write_text(whole + torn)
        with pytest.raises(MetricsError, match=r"rows up to step 4 and the|is damaged after step 4"):
            go_on(path, 5)
        go_on(path, 4).close()
        assert path.read_text() == whole
