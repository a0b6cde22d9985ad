from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "server"))

from running import Running

from sushibelt import Client

for name in [name for name in os.environ if name.startswith("SUSHIBELT_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service with fake trainers that the tests of the client share."""
    data = tmp_path_factory.mktemp("client")
    with Running(data, max_runs=200, web_dir=data / "web", lessons=False) as running:
        yield running


@pytest.fixture
def client(belt: Running) -> Iterator[Client]:
    with Client(belt.url) as client:
        yield client
