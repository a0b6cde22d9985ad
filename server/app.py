"""The service as one object: `create_app(settings)` is an ASGI app that owns its store and its engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import Depends, FastAPI

from server import __version__, errors, openapi
from server.api import (
    catalog,
    checkpoints,
    health,
    images,
    metrics,
    oembed,
    private,
    readings,
    recordings,
    runs,
    sites,
    storage,
    sweeps,
)
from server.api.deps import json_only, known_query
from server.engine.base import Engine
from server.engine.local import LocalEngine
from server.live import asyncapi, many, socket
from server.observing.counts import HttpCounts
from server.observing.readiness import Readiness
from server.observing.requests import Requests
from server.reference import routes as reference
from server.security import Gate
from server.service import Service
from server.settings import Settings
from server.static import WebFiles
from server.store.database import Database, lock_folder
from server.store.repository import Repository

DESCRIPTION = (
    "Runs of contrastive learners, made, changed and read while they train. Errors are problem+json "
    "(RFC 9457) with a stable `code`. The live wire is the WebSocket at /api/v1/runs/{id}/live, "
    "or /api/v1/live for many runs; /asyncapi.json describes it."
)
MODULES = (
    health,
    metrics,
    catalog,
    runs,
    sweeps,
    checkpoints,
    readings,
    recordings,
    sites,
    images,
    private,
    oembed,
    storage,
    socket,
    many,
    asyncapi,
    reference,
)


def create_app(settings: Settings, *, engine: Engine | None = None) -> FastAPI:
    """The app. Nothing is opened before its lifespan begins.

    Args:
        settings: see server.settings.
        engine: where runs train; a worker process on this machine if left out.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        lock = await asyncio.to_thread(lock_folder, settings.data_dir)
        database = Database(settings.database)
        try:
            await database.open()
            service = Service(settings, engine or LocalEngine(settings), Repository(database))
            app.state.service, app.state.readiness = service, Readiness(service)
            app.openapi()  # a quarter of a second, which calls with a query would else wait for (`known_query`)
            try:
                await service.open()
                yield
            finally:
                app.state.readiness.close()
                await service.close()
        finally:
            await database.close()
            lock.close()

    app = FastAPI(
        title="Sushibelt",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        dependencies=[Depends(json_only), Depends(known_query)],
        docs_url=None,  # it loads scripts from another host, which the content policy forbids; see server/reference
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    document = cache(lambda: openapi.describe(app))
    app.openapi = document  # type: ignore[method-assign]
    for module in MODULES:
        app.include_router(module.router)
    app.router.default = WebFiles(
        settings.web_dir, settings.allowed_origins
    )  # no mount: that would take a known call's wrong methods, too
    app.add_middleware(
        Gate,
        loopback=settings.loopback,
        allowed_origins=settings.allowed_origins,
        embed_origins=settings.embed_origins,
    )
    app.state.http_counts = HttpCounts()
    app.add_middleware(Requests, counts=app.state.http_counts)  # around the gate: what it refuses is logged, too
    return app
