from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from running import Running

for name in [name for name in os.environ if name.startswith("SUSHIBELT_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service with fake trainers that all tests share which break nothing."""
    data = tmp_path_factory.mktemp("data")
    with Running(data, max_runs=200, web_dir=data / "web") as running:
        yield running
