"""Brings a database to the tables of this code, whatever older Sushibelt left it."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from server.store.errors import StoreError
from server.store.models import Base

log = logging.getLogger("sushibelt")

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def configuration(connection: Connection) -> Config:
    """Alembic's settings for this connection, the same from any working directory."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def known_revisions() -> set[str]:
    """All revisions that this code can bring up to date."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def upgrade(connection: Connection, name: str) -> None:
    """Bring the tables to the newest revision, all in the transaction of `connection`.

    Args:
        connection: in a transaction; the caller commits.
        name: of the database, for errors and the log; without a password.

    Raises:
        StoreError: written by a newer Sushibelt, or its tables are not ours.
    """
    config = configuration(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    context = MigrationContext.configure(connection)
    heads = context.get_current_heads()
    unknown = sorted(set(heads) - known)
    if unknown:
        raise _newer(name, f"revision {unknown[0]}")
    if not heads:
        revision = _unstamped(connection, name)
        if revision is not None:
            context.stamp(scripts, revision)
            heads = (revision,)
    newest = scripts.get_current_head()
    if heads == (newest,):
        return
    command.upgrade(config, "head")
    if heads:
        log.info("the tables of %s were brought from revision %s to %s", name, heads[0], newest)


def _unstamped(connection: Connection, name: str) -> str | None:
    """The revision of a file from before there were revisions; None for an empty database."""
    tables = set(inspect(connection).get_table_names())
    if {"meta", "runs"} <= tables:
        query = text("SELECT value FROM meta WHERE key = 'schema_version'")
        version = connection.execute(query).scalar_one_or_none()
        if version not in {None, "1"}:
            raise _newer(name, f"schema {version}")
        if "first_epoch" in {column["name"] for column in inspect(connection).get_columns("runs")}:
            return "0002"
        # A Sushibelt that knew no revisions made this table, empty, when it opened an older file.
        connection.execute(text("DROP TABLE IF EXISTS checkpoints"))
        return "0001"
    strange = sorted(tables & set(Base.metadata.tables))
    if strange:
        raise StoreError(f"{name} has a table {strange[0]!r} that is not Sushibelt's; give it an empty database")
    return None


def _newer(name: str, what: str) -> StoreError:
    return StoreError(
        f"{name} was written by a newer Sushibelt ({what}); update Sushibelt, or set SUSHIBELT_DATA_DIR "
        "(with PostgreSQL, SUSHIBELT_DATABASE_URL) to another place"
    )
