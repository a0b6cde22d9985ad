"""`python -m server`: says what it does and where to look, then serves until it is told to stop.

`backup FILE.tar` and `restore FILE.tar` copy all runs to and from one file.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from server import __version__
from server.app import create_app
from server.backup.manifest import BackupError, Manifest
from server.backup.restore import restore
from server.backup.save import save
from server.live.protocol import ViewerProtocol
from server.observing import logs
from server.security import BODY_LIMIT
from server.service import Service
from server.settings import Settings, SettingsError, load, unknown
from server.storage import GIGABYTE
from server.store.address import name_of
from server.store.database import StoreError

log = logging.getLogger("sushibelt")

GRACE_SECONDS = 3
READY_SECONDS = 180.0


class Server(uvicorn.Server):
    """uvicorn that says goodbye to viewers before it closes their sockets."""

    app: FastAPI

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        service: Service | None = getattr(self.app.state, "service", None)
        if service is not None:
            await service.goodbye()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        OSError: the port is in use or the address is not of this machine.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two services share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError:
        bound.close()
        raise
    return bound


def make_server(app: FastAPI, **options: Any) -> Server:
    """uvicorn with what this service needs; `options` of its Config are added to that or replace it."""
    ours: dict[str, Any] = {
        "ws": ViewerProtocol,
        "ws_per_message_deflate": False,
        "ws_max_size": BODY_LIMIT,
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "server_header": False,
        "lifespan": "off",
        "log_config": None,
        "access_log": False,  # server.observing.requests says more, and never a query
    }
    server = Server(uvicorn.Config(app, **ours | options))
    server.app = app
    return server


def say(text: str) -> None:
    """A line for the person who started the service."""
    print(text, flush=True)


async def introduce(app: FastAPI, url: str) -> str | None:
    """Say what is there once the worker is up; why it will never be, else None."""
    engine = app.state.service.engine
    if not await engine.wait_ready(READY_SECONDS):
        fatal: str | None = engine.fatal
        if fatal is None:
            say("The worker is still starting; runs wait for it.")
        return fatal
    titles = {device["name"]: device.get("title", "") for device in engine.devices}
    say(f"  device      {engine.device}" + (f" ({titles[engine.device]})" if engine.device in titles else ""))
    sets = engine.images.values()
    say(f"  image sets  {', '.join(entry['name'] for entry in sets if entry['state'] != 'broken')}")
    for entry in sets:
        if entry["state"] == "broken":
            say(f"  broken set  {entry['name']}: {entry['error']}")
    say(f"  keeps       {await kept(app.state.service)}")
    say(f"  look at     {url}")
    return None


async def kept(service: Service) -> str:
    """What the runs may keep, and do."""
    settings = service.settings
    days = f"for {settings.keep_days:g} days" if settings.keep_days else "for ever"
    line = f"up to {settings.store_gb:g} GB in {settings.max_stored_runs:,} runs, {days}"
    with contextlib.suppress(SQLAlchemyError):
        line += f"; now {(await service.housekeeping.stock()).total / GIGABYTE:.1f} GB in {len(service.runs)}"
    return line


async def serve(settings: Settings, bound: socket.socket) -> int:
    """Serve until a signal comes."""
    app = create_app(settings)
    server = make_server(app)
    fatal = None
    # Entered here and not by uvicorn, which would print a traceback where one line says it.
    async with app.router.lifespan_context(app):
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        introduction = asyncio.create_task(introduce(app, settings.url))
        await asyncio.wait({serving, introduction}, return_when=asyncio.FIRST_COMPLETED)
        if introduction.done():
            fatal = introduction.result()
            if fatal is not None:
                server.should_exit = True
        introduction.cancel()
        await serving
    if fatal is not None:
        print(fatal, file=sys.stderr)
        return 2
    return 0


def parse_words(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line. Ends the process with status 2 and a line where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Without a command: trains and serves. README.md lists the environment variables that set it up.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    saving = commands.add_parser(
        "backup",
        help="copy all runs into one file; the service may be running",
        description="Copies the database, checkpoints and recordings in SUSHIBELT_DATA_DIR into one tar file, with a "
        "digest of each. The service may be running. With PostgreSQL: files only, the database is for pg_dump.",
    )
    saving.add_argument("file", metavar="FILE.tar", type=Path, help="the file to make; it must not exist yet")
    restoring = commands.add_parser(
        "restore",
        help="put the runs of such a file into an empty data folder",
        description="Checks all of the file, then puts its runs into SUSHIBELT_DATA_DIR, where there may be none yet. "
        "The service must be stopped. Runs that were training go on at the next start.",
    )
    restoring.add_argument("file", metavar="FILE.tar", type=Path, help="a file that `backup` made")
    return parser.parse_args(words)


def copy(settings: Settings, command: str, file: Path) -> int:
    """Back up or restore, and say what was done. Exit status: 0 done, 1 not, 130 interrupted."""
    try:
        done = save(settings, file) if command == "backup" else restore(settings, file)
    except BackupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    if command == "backup":
        say(f"{file} holds {_summary(done)}")
        if done.left_out:
            say(f"  {len(done.left_out)} checkpoints made room for newer ones meanwhile and are left out")
    else:
        say(f"{settings.data_dir} has {_summary(done)}, as of {done.date}")
    if isinstance(settings.database, str):
        say(f"  {name_of(settings.database)} is not part of it: copy it with pg_dump, bring it back with pg_restore")
    return 0


def _summary(done: Manifest) -> str:
    counts = [sum(name.startswith(kind) for name in done.files) for kind in ("checkpoints/", "recordings/")]
    size = sum(entry.size for entry in done.files.values())
    what = "files of " * (done.database == "postgresql")
    return f"{what}{done.runs} runs, {counts[0]} checkpoints and {counts[1]} recordings, {size / GIGABYTE:.2f} GB"


def main(words: Sequence[str] | None = None) -> int:
    """Exit status: 0 stopped by a signal or done, 1 cannot do it, 2 a setting or the command line is wrong."""
    arguments = parse_words(words)
    try:
        settings = load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logs.set_up(settings.log_format, settings.log_level)
    for line in unknown():
        log.warning("%s", line)
    if arguments.command is not None:
        return copy(settings, arguments.command, arguments.file)
    try:
        bound = listen(settings.host, settings.port)
    except (OSError, OverflowError) as error:
        print(_cannot_listen(settings, error), file=sys.stderr)
        return 1
    with bound:
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        say(f"Sushibelt {__version__} trains contrastive learners and shows in your browser how they do it.")
        say(f"  data        {settings.data_dir}")
        if isinstance(settings.database, str):
            say(f"  database    {name_of(settings.database)}")
        # uvicorn raises the signal again once it has stopped; stopping on request is a success.
        previous = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                return asyncio.run(_serve(settings, bound))
            return 0
        finally:
            signal.signal(signal.SIGTERM, previous)


async def _serve(settings: Settings, bound: socket.socket) -> int:
    try:
        return await serve(settings, bound)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1


def _cannot_listen(settings: Settings, error: Any) -> str:
    if isinstance(error, socket.gaierror):
        return f"SUSHIBELT_HOST={settings.host} is not an address of this machine; give 127.0.0.1 or 0.0.0.0"
    return (
        f"cannot listen on {settings.host} port {settings.port}: {getattr(error, 'strerror', error)}; "
        "stop what uses it, or set SUSHIBELT_PORT to another port"
    )


if __name__ == "__main__":
    sys.exit(main())
