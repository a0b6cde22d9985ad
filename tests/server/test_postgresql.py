"""PostgreSQL: one service a database, clear words when it is not there, and life after a broken line."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from postgres import PASSWORD, QUOTED, Postgres
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.runs import Run
from server.store import postgresql
from server.store.database import Database, StoreError
from server.store.repository import Repository
from trainers.config import RunConfig


def with_database(url: str, body: Callable[[Database], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        database = Database(url)
        try:
            await database.open()
            return await body(database)
        finally:
            await database.close()

    return asyncio.run(main())


async def nothing(_: Database) -> None: ...


def refusal(url: str) -> str:
    """Why that database cannot be opened: one line, without the password, as is all that a traceback would show."""
    with pytest.raises(StoreError) as caught:
        with_database(url, nothing)
    shown = "".join(traceback.format_exception(caught.value))
    password = url.split(":")[2].partition("@")[0]
    assert password not in shown
    assert PASSWORD not in shown
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_two_services_never_share_a_database(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.2)
    url = postgres.new()

    async def body(first: Database) -> None:
        second = Database(url)
        with pytest.raises(StoreError, match="another Sushibelt"):
            await second.open()
        await second.close()
        await Repository(first).runs()

    with_database(url, body)
    with_database(url, nothing)


def test_a_service_waits_for_the_end_of_the_one_before(postgres: Postgres) -> None:
    url = postgres.new()

    async def main() -> None:
        first, second = Database(url), Database(url)
        await first.open()
        opening = asyncio.create_task(second.open())
        await asyncio.sleep(0.3)
        assert not opening.done()
        await first.close()
        await opening
        await second.close()

    asyncio.run(main())


def test_two_that_start_at_once_on_an_empty_database_come_one_after_the_other(postgres: Postgres) -> None:
    url = postgres.new()

    async def life(database: Database) -> None:
        await database.open()
        await asyncio.sleep(0.3)
        await Repository(database).add_run(run(f"r{len(await Repository(database).runs())}"), [])
        await database.close()

    async def main() -> None:
        await asyncio.gather(life(Database(url)), life(Database(url)))

    asyncio.run(main())
    assert with_database(url, lambda database: Repository(database).runs())[1]["id"] == "r1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrongword"}, "see that user and password"),
        ({"user": "nobody_here"}, "see that user and password"),
        ({"database": "gone"}, "createdb"),
    ],
)
def test_what_the_server_refuses_is_said(postgres: Postgres, change: dict[str, str], said: str) -> None:
    line = refusal(postgres.url(change.pop("database", "postgres"), **change))
    assert said in line
    assert f"127.0.0.1:{postgres.port}" in line


def test_a_user_who_may_not_make_tables_is_told(postgres: Postgres) -> None:
    url = postgres.new()
    name = url.rpartition("/")[2]
    postgres.sql("CREATE USER guest PASSWORD 'guestword'")
    postgres.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC", name)
    assert "the right to make tables" in refusal(postgres.url(name, user="guest", password="guestword"))


def test_a_server_that_is_not_there_is_said() -> None:
    line = refusal("postgresql://belt:secretword@127.0.0.1:1/belt")
    assert "cannot be reached" in line
    assert "SUSHIBELT_DATABASE_URL" in line
    assert "cannot be reached" in refusal("postgresql://belt:secretword@no.such.host.invalid/belt")


def run(name: str) -> dict[str, Any]:
    return Run(name, name, RunConfig.model_validate({"method": "moco"})).columns()


def test_a_broken_line_costs_nothing_that_was_asked_after_it(postgres: Postgres) -> None:
    url = postgres.new()

    async def body(database: Database) -> None:
        store = Repository(database)
        await store.add_run(run("r1"), [])
        for name in ("r2", "r3"):
            await asyncio.to_thread(postgres.cut, url)
            await store.add_run(run(name), [])
            await asyncio.gather(*(store.runs() for _ in range(5)))  # the pool has connections
            await asyncio.to_thread(postgres.cut, url)
            await asyncio.gather(*(store.runs() for _ in range(5)))
            await database.ping()
        assert [row["id"] for row in await store.runs()] == ["r1", "r2", "r3"]

    with_database(url, body)


def test_a_line_that_breaks_in_a_transaction_is_an_error_that_callers_catch(postgres: Postgres) -> None:
    url = postgres.new()

    async def broken(way: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        async with way() as connection:
            await connection.exec_driver_sql("SELECT 1")
            await asyncio.to_thread(postgres.cut, url)
            await connection.exec_driver_sql("SELECT 1")

    async def body(database: Database) -> None:
        store = Repository(database)
        for way in (database.write, database.read):
            with pytest.raises(SQLAlchemyError):
                await broken(way)
            await store.add_run(run(f"after-{way.__name__}"), [])
        assert len(await store.runs()) == 2

    with_database(url, body)


def test_who_lost_the_lock_writes_nothing_more(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.2)
    url = postgres.new()

    async def body(first: Database) -> None:
        await asyncio.to_thread(postgres.cut, url)
        second = Database(url)
        await second.open()
        with pytest.raises(SQLAlchemyError, match="another Sushibelt"):
            await Repository(first).add_run(run("r1"), [])
        assert await Repository(first).runs() == []
        await second.close()
        await Repository(first).add_run(run("r1"), [])

    with_database(url, body)


def test_a_server_that_goes_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = Postgres()

    async def body(database: Database) -> None:
        store = Repository(database)
        await store.add_run(run("r1"), [])
        await asyncio.to_thread(server.halt)
        for _ in range(2):
            for asked in (database.ping, store.runs, lambda: store.save("r1", {"step": 1})):
                with pytest.raises(SQLAlchemyError):
                    await asked()
        await asyncio.to_thread(server.launch)
        await store.save("r1", {"step": 2})
        await database.ping()
        assert [row["step"] for row in await store.runs()] == [2]

    try:
        with_database(server.start().new(), body)
    finally:
        server.stop()
    assert QUOTED not in caplog.text
    assert PASSWORD not in caplog.text


def test_words_with_a_nul_are_stored(postgres: Postgres) -> None:
    async def body(database: Database) -> str:
        store = Repository(database)
        await store.add_run({**run("r1"), "name": "a\0b", "step": 2**40}, [])
        row = (await store.runs())[0]
        assert row["step"] == 2**40
        return str(row["name"])

    assert with_database(postgres.new(), body) == "a\ufffdb"
