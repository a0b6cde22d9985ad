"""The command that saves what a run left. A file appears whole or not at all."""

from __future__ import annotations

import contextlib
import json as json_text
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from sushibelt.cli import words
from sushibelt.cli.app import RunId, app, service
from sushibelt.rest import in_path

if TYPE_CHECKING:
    from sushibelt.client import Client
    from sushibelt.run import Run


@app.command()
def export(
    context: typer.Context,
    run: RunId,
    csv: Annotated[Path | None, typer.Option(help="Figures by step as CSV; - is standard output.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Figures by step as Parquet.")] = None,
    json: Annotated[Path | None, typer.Option(help="Figures by step as JSON.")] = None,
    recording: Annotated[Path | None, typer.Option(help="The recording, for `play` and the web page.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="The newest checkpoint, as safetensors.")] = None,
    site: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A folder that plays the run on any static host.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="--site: write into a folder that has files in it.")] = False,
) -> None:
    """Save what a run left: figures, recording, checkpoint, a site. Without options: CSV on standard output.

    \b
    sushibelt export RUN --site out/    # then: python -m http.server -d out
    """
    with words.exits():
        client = service(context)
        path = f"/api/v1/runs/{in_path(run)}"
        if not any((csv, parquet, json, recording, checkpoint, site)):
            csv = Path("-")
        wanted: list[tuple[Path | None, str, dict[str, Any]]] = [
            *((file, "/metrics", {"format": form}) for file, form in ((csv, "csv"), (parquet, "parquet"))),
            (recording, "/recording", {}),
            (checkpoint, "/checkpoint", {}),
        ]
        for file, part, query in wanted:
            if file is not None:
                save(client, file, path + part, query)
        if json is not None:
            save_json(client.get(run), json)
        if site is not None:
            from sushibelt.cli.sites import export_site

            export_site(client.rest, run, site, force)


def save(client: Client, file: Path, path: str, query: dict[str, Any]) -> None:
    """Bytes of the service."""
    with client.rest.stream(path, query) as answer, whole(file) as out:
        for part in answer.iter_bytes():
            out.write(part)


def save_json(run: Run, file: Path) -> None:
    """All figures in one value of the form that the service answers with, which has no more than 20,000 rows a page."""
    columns = {name: words.plain(column.tolist()) for name, column in run.metrics().items()}
    content = {"run": run.id, "epoch": run.resource["epoch"], "columns": columns, "next": None}
    with whole(file) as out:
        out.write(json_text.dumps(content, separators=(",", ":")).encode())


@contextlib.contextmanager
def whole(file: Path) -> Iterator[IO[bytes]]:
    """A file to write, or standard output for `-`. What was written becomes the file at the end of it."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = file.with_name(f"{file.name}.part")
    try:
        with unfinished.open("wb") as out:
            yield out
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"{file}: {file.stat().st_size:,} bytes", file=sys.stderr)
