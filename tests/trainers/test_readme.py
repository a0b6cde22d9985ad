"""The examples of the README run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from trainers.cli.options import parse
from trainers.cli.plan import make_plan

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_notebook_example_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (code,) = (one for one in found if "make_trainer" in one)
    assert len(code.splitlines()) <= 14
    quick = code.replace("steps=200", "steps=3")
    assert quick != code
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(quick, "README.md", "exec"), names)
    assert names["trainer"].step == 3  # type: ignore[attr-defined]
    assert re.fullmatch(r"\[[\d. ]+\] [\d.]+\n", capsys.readouterr().out)


def test_the_command_line_example_is_understood() -> None:
    (line,) = re.findall(r"^    \.venv/bin/python -m trainers (.*)$", README, re.MULTILINE)
    plan = make_plan(parse(shlex.split(line)))
    assert (plan.config.method, plan.config.steps, plan.session.evaluate) == ("moco", 400, True)
