"""A course's own site, on another origin than the service: pages that tests write, and files that lie beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


class Course:
    """`write` makes a page and returns its address. `origin` is what a browser calls the site."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.origin = folder, f"http://127.0.0.1:{port}"
        self.policies: dict[str, str] = {}
        """Content security policy by the page's path."""

    def write(self, name: str, body: str, *, head: str = "", policy: str = "") -> str:
        page = f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{name}</title>{head}</head>"
        (self.folder / f"{name}.html").write_text(f"{page}<body><h1>A course</h1>{body}</body></html>")
        if policy:
            self.policies[f"/{name}.html"] = policy
        return f"{self.origin}/{name}.html"


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, policies: dict[str, str], **options: Any) -> None:
        self.policies = policies
        super().__init__(*args, **options)

    def end_headers(self) -> None:
        policy = self.policies.get(self.path)
        if policy:
            self.send_header("Content-Security-Policy", policy)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def course_site(folder: Path) -> Iterator[Course]:
    """A plain file server over `folder`."""
    policies: dict[str, str] = {}
    handler = partial(Handler, policies=policies, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        course = Course(folder, server.server_port)
        course.policies = policies
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield course
        finally:
            server.shutdown()
