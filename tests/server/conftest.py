from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Postgres
from running import Running

for name in [name for name in os.environ if name.startswith("SUSHIBELT_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service with fake trainers that all tests share which break nothing."""
    data = tmp_path_factory.mktemp("data")
    with Running(data, max_runs=200, web_dir=data / "web") as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that all tests share."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty database of either kind, as `Database` and the settings take it."""
    if request.param == "sqlite":
        return tmp_path / "sushibelt.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new()
