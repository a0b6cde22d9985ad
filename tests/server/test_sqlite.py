"""The SQLite file: what it is set to, whose it is, and that deleted data gives its space back."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from server.events import Event
from server.runs import Run
from server.store.database import Database, StoreError, lock_folder
from server.store.repository import Repository
from trainers.config import RunConfig


def test_the_file_is_set_to_last(tmp_path: Path) -> None:
    async def main() -> dict[str, object]:
        database = Database(tmp_path / "sushibelt.db")
        await database.open()
        found = {}
        async with database.read() as connection:
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "auto_vacuum"):
                found[name] = (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
        await database.close()
        return found

    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "auto_vacuum": 2}
    assert asyncio.run(main()) == wanted


def test_what_is_deleted_gives_its_space_back_and_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "sushibelt.db"

    def contents() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    async def main() -> None:
        database = Database(path)
        store = Repository(database)
        await database.open()
        for name in ("kept", "secret"):
            run = Run(name, name, RunConfig.model_validate({"method": "moco"}))
            # Larger than what one call of the pragma gives back.
            events = [Event(1, n, {"type": "state", "what": name * 30_000}) for n in range(80)]
            await store.add_run(run.columns(), events)
        await database.reclaim()
        full = len(contents())
        await store.remove_run("secret")
        await asyncio.gather(database.reclaim(), store.save("kept", {"step": 7}))
        assert len(contents()) < 0.6 * full
        assert b"secretsecret" not in contents()
        assert (await store.runs())[0]["step"] == 7
        assert len(await store.events("kept")) == 80
        await database.close()

    asyncio.run(main())


def test_a_long_reader_delays_the_giving_back_and_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "sushibelt.db"

    async def main() -> None:
        database = Database(path)
        await database.open()
        store = Repository(database)
        log = tmp_path / "sushibelt.db-wal"
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        await store.save("r1", {"step": 1})
        given_back = asyncio.create_task(database.reclaim())
        for step in range(20):
            async with asyncio.timeout(5):  # the busy timeout is longer
                await store.save("r1", {"step": step})
            await asyncio.sleep(0.01)
        assert not given_back.done()
        assert log.stat().st_size
        reader.execute("ROLLBACK")
        await given_back
        assert log.stat().st_size == 0
        reader.close()
        await database.close()

    asyncio.run(main())


def test_a_file_without_auto_vacuum_is_left_at_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sushibelt.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE old (data BLOB)")
        file.execute("INSERT INTO old VALUES (zeroblob(100000))")
        file.execute("DELETE FROM old")
    file.close()

    async def main() -> None:
        database = Database(path)
        await database.open()
        async with asyncio.timeout(10):
            await database.reclaim()
        await database.close()

    asyncio.run(main())


def refusal(path: Path) -> str:
    async def main() -> None:
        database = Database(path)
        try:
            await database.open()
        finally:
            await database.close()

    with pytest.raises(StoreError) as caught:
        asyncio.run(main())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_damaged_file_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "sushibelt.db").write_bytes(b"not a database" * 1_000)
    assert "move it away" in refusal(tmp_path / "sushibelt.db")


def test_a_file_that_cannot_be_opened_is_refused_with_advice(tmp_path: Path) -> None:
    assert "may be written to" in refusal(tmp_path / "missing" / "sushibelt.db")


def test_a_folder_has_one_service(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(StoreError, match="another Sushibelt"):
        lock_folder(tmp_path)
    lock_folder(tmp_path).close()


def test_a_write_that_another_program_blocks_is_an_error_that_callers_catch(tmp_path: Path) -> None:
    path = tmp_path / "sushibelt.db"

    async def main() -> None:
        database = Database(path)
        await database.open()
        async with database.read() as connection:
            await connection.exec_driver_sql("PRAGMA busy_timeout=1")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SQLAlchemyError):
            await Repository(database).save("r1", {"step": 1})
        other.execute("ROLLBACK")
        other.close()
        await Repository(database).save("r1", {"step": 1})
        await database.close()

    asyncio.run(main())


def test_a_write_holds_the_file_from_its_beginning(tmp_path: Path) -> None:
    """Else what another program commits between our first read and our first write would break our transaction."""
    path = tmp_path / "sushibelt.db"

    async def main() -> None:
        database = Database(path)
        await database.open()
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        async with database.write():
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.close()
        await database.close()

    asyncio.run(main())
