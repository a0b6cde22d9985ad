"""A real PostgreSQL server for the tests, on a free port, and a database of its own for each that asks."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

PASSWORD = "p@ss:w/rd?#%"
QUOTED = "p%40ss%3Aw%2Frd%3F%23%25"


def binaries() -> Path:
    """The folder with `postgres` and `initdb`: the newest of Debian's, or what is on PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    assert on_path, "the store's tests need PostgreSQL; scripts/setup.py --postgres finds or installs it"
    return Path(on_path).resolve().parent


class Postgres:
    """The server. Everything in it is gone with it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sushibelt-pg-"))
        self._as: dict[str, Any] = {}
        if os.name == "posix" and os.geteuid() == 0:  # PostgreSQL refuses to run as root
            import pwd

            names = {entry.pw_name for entry in pwd.getpwall()}
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def start(self) -> Postgres:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        words = [
            binaries() / "initdb",
            "-D",
            self._folder / "data",
            "-U",
            "belt",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
        ]
        words += ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"]
        made = subprocess.run(words, cwd=self._folder, capture_output=True, text=True, **self._as)
        assert made.returncode == 0, made.stderr
        self.launch()
        return self

    def launch(self) -> None:
        """Serve what is in the folder, from now until `halt`."""
        data, log = self._folder / "data", self._folder / "log"
        words = [binaries() / "postgres", "-D", data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        for option in ("unix_socket_directories=", "fsync=off", "max_connections=50"):
            words += ["-c", option]
        with log.open("wb") as out:
            self._process = subprocess.Popen(words, cwd=self._folder, stdout=out, stderr=out, **self._as)
        end = time.monotonic() + 30
        while True:
            try:
                self.sql("SELECT 1")
                return
            except (OSError, asyncpg.PostgresError):
                assert self._process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)

    def halt(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # SIGTERM would wait for its clients
            self._process.wait(20)
            self._process = None

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self._folder)

    def url(self, database: str, *, user: str = "belt", password: str = QUOTED) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new(self) -> str:
        """The URL of an empty database."""
        name = f"belt{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> list[Any]:
        """What an administrator does beside the service."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def cut(self, url: str) -> None:
        """End all connections to that database, as a restart of the server would."""
        name = url.rpartition("/")[2]
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
