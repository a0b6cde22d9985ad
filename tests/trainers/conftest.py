"""Fixtures of the command line's tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.cli.main import main


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def threads() -> Iterator[None]:
    """Runs set the number of threads of this process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(data: Path, threads: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """A run in this process; its JSON."""

    def call(*words: Any, code: int = 0) -> dict[str, Any]:
        texts = [str(word) for word in words]
        assert main([*texts, "--data-dir", str(data), "--json", "--quiet"]) == code
        return json.loads(capsys.readouterr().out)

    return call
