"""Columns, the widget, the picture of `watch`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sushibelt import Columns, Run
from sushibelt.cli.screen import STALE_SECONDS, Picture
from sushibelt.errors import SushibeltError
from sushibelt.rest import Rest
from sushibelt.widget import MODULE

RESOURCE: dict[str, Any] = {
    "id": "r1",
    "name": "a run",
    "method": "simclr",
    "state": "running",
    "step": 3,
    "asleep": False,
    "config": {"steps": 9, "images": "digits"},
}


def test_columns_are_arrays_with_nan_where_nothing_was_measured() -> None:
    columns = Columns({"step": [1, 2, 3], "loss": [1.5, None, 0.5], "state": ["a", "b", None]})
    assert columns["step"].dtype == np.int64
    np.testing.assert_array_equal(columns["loss"], [1.5, np.nan, 0.5])
    assert columns.to_polars().shape == (3, 3)
    assert "1.5" in str(columns)
    assert "<td>1.5</td>" in columns._repr_html_()
    with pytest.raises(KeyError, match="there are step, loss, state"):
        columns["nothing"]
    with pytest.raises(SushibeltError, match="pip install"):
        columns.to_pandas()


def test_the_widget_shows_the_piece_of_the_method() -> None:
    widget = Run(Rest("http://127.0.0.1:9"), RESOURCE).widget(height=300)
    state = {name: getattr(widget, name) for name in ("url", "run", "piece", "page", "height")}
    assert state == {
        "url": "http://127.0.0.1:9",
        "run": "r1",
        "piece": "similarity-matrix",
        "page": "matrix",
        "height": 300,
    }


def test_the_module_of_the_widget_falls_back_to_a_frame_and_cleans_up(tmp_path: Path) -> None:
    script = tmp_path / "try.mjs"
    script.write_text(
        f"""
        globalThis.document = {{ createElement: (tag) => ({{ tag, style: {{}}, setAttribute() {{}} }}) }};
        const {{ default: widget }} = await import("{MODULE.as_uri().replace(".js", ".mjs")}");
        const values = {{ url: "data:text/plain,", page: "belt", piece: "sushi-belt", run: "a b", height: 9 }};
        const el = {{ inside: [], replaceChildren(...all) {{ this.inside = all; }} }};
        const model = {{ get: (name) => values[name], on() {{}}, off() {{}} }};
        const gone = await widget.render({{ model, el }});
        while (!el.inside.length) await new Promise((next) => setTimeout(next, 5));
        console.log(el.inside[0].tag, el.inside[0].src);
        gone();
        console.log(el.inside.length);
        """.replace(MODULE.as_uri().replace(".js", ".mjs"), "./widget.mjs")
    )
    (tmp_path / "widget.mjs").write_bytes(MODULE.read_bytes())
    said = subprocess.run(["node", script], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert said.stdout.split() == ["iframe", "data:text/plain,/embed/belt?run=a%20b", "0"]


def test_the_badge_tells_live_from_paused_and_stale() -> None:
    picture = Picture(RESOURCE, {})
    assert picture.badge == "LIVE"
    picture.heard = time.monotonic() - STALE_SECONDS - 1
    assert picture.badge == "STALE"
    picture.state = "paused"
    assert picture.badge == "PAUSED"
    assert Picture(RESOURCE, {}, recorded=True).badge == "RECORDED"
