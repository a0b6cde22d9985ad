"""Databases that an older Sushibelt left come out whole, and revisions and models say the same."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from postgres import Postgres
from sqlalchemy import Connection, create_engine

from server.runs import Run
from server.store import schema
from server.store.database import Database, StoreError
from server.store.models import Base
from server.store.repository import Repository
from server.store.schema import configuration
from trainers.config import RunConfig

CONFIG = RunConfig.model_validate({"method": "moco"}).model_dump(mode="json")


def old_file(path: Path, revision: str, *, opened_since: bool = False) -> None:
    """A file as Sushibelt wrote it before there were revisions, with a reset run, its events and its metrics.

    With `opened_since`, a later one that made missing tables, but no missing columns, has opened it.
    """
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(configuration(connection), revision)
    engine.dispose()
    steps = np.arange(1, 6, dtype="<f8")
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE alembic_version")
        file.execute("INSERT INTO meta VALUES ('schema_version', '1')")
        columns = "id, name, state, asleep, step, epoch, offset, config, created, updated, idempotency_key"
        row = ("r1", "an old run", "finished", False, 5, 2, 2, json.dumps(CONFIG), 1.5, 2.5, "key")
        file.execute(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * len(row))})", row)
        types = ", type" if revision == "0002" else ""
        for offset, type_ in ((1, "reset"), (2, "evaluation")):
            row = ("r1", 2, offset, json.dumps({"type": type_, "step": 5}), *([type_] if types else []))
            file.execute(
                f"INSERT INTO events (run, epoch, offset, body{types}) VALUES ({', '.join('?' * len(row))})", row
            )
        row = ("r1", 2, 1, 5, 5, '["step", "loss"]', zlib.compress(np.stack([steps, steps / 2]).tobytes()))
        names = "run, epoch, first_step, last_step, count, names, data"
        file.execute(f"INSERT INTO metrics ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if opened_since:
            file.execute("CREATE TABLE checkpoints (run VARCHAR(40) NOT NULL)")
    file.close()


async def read_old(path: Path) -> None:
    database = Database(path)
    store = Repository(database)
    await database.open()
    try:
        (columns,) = await store.runs()
        run = Run.from_columns(columns)
        assert (run.name, run.state, run.step, run.epoch, run.first_epoch) == ("an old run", "finished", 5, 2, 1)
        assert (run.config.method, run.idempotency_key, run.parent, run.parent_step) == ("moco", "key", None, None)
        events = await store.events("r1")
        assert [(event.epoch, event.offset, event.body["type"]) for event in events] == [
            (2, 1, "reset"),
            (2, 2, "evaluation"),
        ]
        assert [event.offset for event in await store.events("r1", type_="evaluation")] == [2]
        found = await store.metrics("r1", run.first_epoch)
        assert found.values["loss"].tolist() == [0.5, 1, 1.5, 2, 2.5]
        await store.remove_run("r1")
        assert await store.events("r1") == []
        assert len((await store.metrics("r1", 1)).values["step"]) == 0
    finally:
        await database.close()


@pytest.mark.parametrize(("revision", "opened_since"), [("0001", False), ("0001", True), ("0002", False)])
def test_an_old_file_comes_out_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str, opened_since: bool
) -> None:
    old_file(tmp_path / "a b%.db", revision, opened_since=opened_since)
    monkeypatch.chdir("/")
    asyncio.run(read_old(tmp_path / "a b%.db"))
    assert differences(tmp_path / "a b%.db") == []


def test_events_of_older_tables_learn_which_came_before_them(tmp_path: Path) -> None:
    path = tmp_path / "sushibelt.db"
    old_file(path, "0001")
    with sqlite3.connect(path) as file:
        for epoch, offset, type_ in ((1, 1, "created"), (1, 12, "knobs"), (3, 2, "restart")):
            body = json.dumps({"type": type_, "step": 0})
            file.execute("INSERT INTO events (run, epoch, offset, body) VALUES ('r1', ?, ?, ?)", (epoch, offset, body))
        columns = "id, name, state, asleep, step, epoch, offset, config, created, updated"
        values = ("r2", "trimmed", "finished", False, 5, 2, 2, json.dumps(CONFIG), 1.5, 2.5)
        file.execute(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * len(values))})", values)
        body = json.dumps({"type": "knobs", "step": 0})
        file.execute("INSERT INTO events (run, epoch, offset, body) VALUES ('r2', 2, 40, ?)", (body,))
    file.close()

    async def read() -> list[list[str | None]]:
        database = Database(path)
        await database.open()
        try:
            return [[event.previous for event in await Repository(database).events(run)] for run in ("r1", "r2")]
        finally:
            await database.close()

    whole, trimmed = asyncio.run(read())
    assert whole == [None, "1:1", "1:12", "2:1", "2:2"]
    assert trimmed == ["2:39"], "something came before it, nobody knows what"


def differences(path: Path) -> list[Any]:
    """What alembic would change to come from the file at `path` to the models."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        found = compare(connection)
    engine.dispose()
    return found


def compare(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
    return list(compare_metadata(context, Base.metadata))


def test_revisions_make_what_the_models_say(database: Path | str) -> None:
    async def main() -> list[Any]:
        opened = Database(database)
        await opened.open()
        async with opened.read() as connection:
            found = await connection.run_sync(compare)
        await opened.close()
        return found

    assert asyncio.run(main()) == []


def test_the_code_may_lie_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "50%(here)s off"
    shutil.copytree(schema.MIGRATIONS, folder)
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    asyncio.run(open_and_close(tmp_path / "sushibelt.db"))


def refusal(where: Path | str) -> str:
    with pytest.raises(StoreError) as caught:
        asyncio.run(open_and_close(where))
    return str(caught.value)


@pytest.mark.parametrize(
    "newer",
    ["UPDATE alembic_version SET version_num = '9999'", "UPDATE meta SET value = '2'"],
    ids=["revision", "meta"],
)
def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path, newer: str) -> None:
    path = tmp_path / "sushibelt.db"
    old_file(path, "0002")
    if "alembic" in newer:
        asyncio.run(read_old(path))
    with sqlite3.connect(path) as file:
        file.execute(newer)
        before = list(file.iterdump())
    assert "newer Sushibelt" in refusal(path)
    assert list(file.iterdump()) == before
    file.close()


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sushibelt.db") as file:
        file.execute("CREATE TABLE events (what TEXT)")
    file.close()
    assert "'events' that is not Sushibelt's" in refusal(tmp_path / "sushibelt.db")


def test_postgresql_refuses_the_same(postgres: Postgres) -> None:
    url = postgres.new()
    asyncio.run(open_and_close(url))
    asyncio.run(open_and_close(url))
    name = url.rpartition("/")[2]
    postgres.sql("UPDATE alembic_version SET version_num = '9999'", name)
    assert "newer Sushibelt (revision 9999)" in refusal(url)
    url = postgres.new()
    postgres.sql("CREATE TABLE events (what TEXT)", url.rpartition("/")[2])
    assert "'events' that is not Sushibelt's" in refusal(url)


async def open_and_close(where: Path | str) -> None:
    database = Database(where)
    try:
        await database.open()
    finally:
        await database.close()
