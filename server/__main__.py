"""`python -m server`: says what it does and where to look, then serves until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from server import __version__
from server.app import create_app
from server.live.protocol import ViewerProtocol
from server.security import BODY_LIMIT
from server.service import Service
from server.settings import Settings, SettingsError, load, unknown
from server.storage import GIGABYTE
from server.store.address import name_of
from server.store.database import StoreError

GRACE_SECONDS = 5
READY_SECONDS = 180.0


class NoQueries(logging.Filter):
    """Takes query strings out of the access log: what is in them is nobody's business."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) and arg.startswith("/") else arg for arg in record.args
            )
        return True


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
    }
    server = Server(uvicorn.Config(app, **ours | options))
    server.app = app
    return server


def set_up_logs() -> None:
    """One line a message on stderr; requests without their query strings."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for chatty in ("uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.setLevel(logging.INFO)
    for logger in (access, logging.getLogger("uvicorn.error")):
        logger.addFilter(NoQueries())


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


def main() -> int:
    """Exit status: 0 stopped by a signal, 1 cannot serve, 2 a setting is wrong."""
    try:
        settings = load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    set_up_logs()
    for line in unknown():
        print(line, file=sys.stderr)
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
