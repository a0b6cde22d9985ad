"""The recorded moments that the untouched page opens on: web/public/opening/{bank,belt,matrix}.sbr.

Each is one moment of a real run, trained here by the service and taken from it as viewers get it: the lesson's own
preset, seed 0, so many steps, and where the plan says so a knob moved at a step. Before it in the file stand the
scalars of the steps before, for the small histories; with it the pictures that the figure shows without being
touched, and no others. Nothing is drawn or computed here. `python scripts/opening.py` trains all three, some minutes.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.service import service  # noqa: E402
from server.live import wire  # noqa: E402
from server.recordings import format as sbr  # noqa: E402

SEED = 0
LARGEST = 250_000
"""Bytes that a file may have: it is on the way to the first picture."""
QUALITY = 60
FACES = 12
"""Rows that the bank shows as faces below its wall, spread evenly."""


@dataclass(frozen=True)
class Plan:
    """How a moment comes to be: `steps` in all, `moved` the knobs set before the step that follows.

    Scalars are recorded `every` so many steps. The moment's frame is of `sections`, and must hold the arrays that
    `has` names: a service under load may send it without.
    """

    method: str
    sections: str
    has: str
    steps: int
    moved: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    every: int = 10


PLANS = {
    "bank": Plan("memory_bank", "dict", "dict.image curve.age", 200),
    "belt": Plan("moco", "dict", "dict.image curve.age", 210, {200: {"momentum": 0.5}}),
    "matrix": Plan("simclr", "matrix,views", "matrix views", 300, every=20),
}


class Trained:
    """A run of the service that stands still between the steps that it is told to take."""

    def __init__(self, client: httpx.Client, lesson: str, plan: Plan) -> None:
        self.client = client
        body = {"preset": f"lesson-{lesson}", "method": plan.method, "seed": SEED, "steps": 1_000_000}
        self.id = self.call("POST", "/runs", json=body).json()["id"]
        self.command("pause")
        self.rest()

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        answer = self.client.request(method, path, **arguments)
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    def command(self, name: str, **arguments: int) -> None:
        self.call("POST", f"/runs/{self.id}/commands", json={"command": name, **arguments})

    def read(self) -> dict[str, Any]:
        """The run as GET /runs/{id} shows it."""
        found: dict[str, Any] = self.call("GET", f"/runs/{self.id}").json()
        return found

    def rest(self, at_least: int = 0) -> dict[str, Any]:
        """The run once it stands still at this step or later."""
        while True:
            run = self.read()
            if run["state"] not in {"queued", "running", "paused"}:
                raise SystemExit(f"run {self.id} is {run['state']}: {run['reason']}")
            if run["state"] == "paused" and run["step"] >= at_least:
                return run
            time.sleep(0.1)

    def go(self, to: int) -> None:
        """Train up to the end of a step."""
        left = to - self.rest()["step"]
        if left > 0:
            self.command("step", steps=left)
            self.rest(to)

    def tick(self, sections: str, has: str = "") -> bytes:
        """The present moment as an SBT1 frame with these sections; not before it has the arrays named `has`."""
        while True:
            frame = self.call("GET", f"/runs/{self.id}/tick", params={"sections": sections}).content
            header, _ = wire.read_head(wire.MAGIC, frame)
            if set(has.split()) <= {section["name"] for section in header["sections"]}:
                return frame
            time.sleep(0.5)


def record(client: httpx.Client, lesson: str, plan: Plan) -> bytes:
    """Train as planned and lay out the file."""
    trained = Trained(client, lesson, plan)
    past: list[bytes] = []
    for step in sorted({*range(plan.every, plan.steps, plan.every), *plan.moved, plan.steps}):
        trained.go(step)
        if step == plan.steps:
            break
        past.append(trained.tick(""))
        if step in plan.moved:
            trained.call("PATCH", f"/runs/{trained.id}/knobs", json=dict(plan.moved[step]))
    last = trained.tick(plan.sections, plan.has)
    header, _ = wire.read_head(wire.MAGIC, last)
    if header["step"] != plan.steps:
        raise SystemExit(f"{lesson}: the moment is of step {header['step']}, not {plan.steps}")
    run = trained.read()
    catalog = about(trained.call("GET", "/catalog").json(), run)
    sheets = pictures(client, catalog["images"][0], shown(last))
    events = trained.call("GET", f"/runs/{trained.id}/events", params={"type": "knobs"}).json()["events"]
    return lay_out(run, catalog, sheets, [*past, last], events)


def about(catalog: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """The service's catalog without what is of no concern to this run."""
    method, images = run["method"], run["config"]["images"]

    def concerns(table: dict[str, Any]) -> dict[str, Any]:
        return {name: entry for name, entry in table.items() if method in entry["methods"]}

    return catalog | {
        "methods": [entry for entry in catalog["methods"] if entry["name"] == method],
        "images": [entry for entry in catalog["images"] if entry["name"] == images],
        "settings": concerns(catalog["settings"]),
        "figures": concerns(catalog["figures"]),
        "presets": [],
        "lessons": {},
    }


def lay_out(
    run: dict[str, Any],
    catalog: dict[str, Any],
    sheets: Sequence[bytes],
    frames: Sequence[bytes],
    events: Sequence[dict[str, Any]],
) -> bytes:
    """An SBR1 file of sheets, ticks and the events between them, as GET /runs/{id}/events lists those."""
    rows: list[tuple[int, float, int, int, int, bytes]] = []
    for frame in frames:
        head, _ = wire.read_head(wire.MAGIC, frame)
        rows.append((sbr.SNAPSHOT, head["time"], head["epoch"], head["offset"], head["step"], frame))
    for entry in events:
        body, epoch, offset = entry["event"], entry["epoch"], entry["offset"]
        text = wire.text("event", epoch=epoch, offset=offset, previous=entry["previous"], event=body).encode()
        rows.append((sbr.EVENT, body["time"], epoch, offset, body["step"], text))
    rows.sort(key=lambda row: (row[2], row[3]))
    began = now = rows[0][1]
    records = [sbr.Record(sbr.SHEET, 0.0, 0, page, 0, len(data)) for page, data in enumerate(sheets)]
    for kind, moment, epoch, offset, step, data in rows:
        now = max(now, moment)
        records.append(sbr.Record(kind, now - began, epoch, offset, step, len(data)))
    data = [*sheets, *(row[5] for row in rows)]
    padded = (one + bytes(-len(one) % 8) for one in data)
    return b"".join((sbr.encode_head(run, catalog, time.time(), records), *padded))


def shown(frame: bytes) -> set[int]:
    """The images whose pictures the untouched figure shows, at any width."""
    header, body = wire.read_head(wire.MAGIC, frame)
    sections = wire.read_sections(header["sections"], frame, body)
    if "views" in sections:  # it brings the pictures of its views itself
        return set()
    images = sections["dict.image"]
    if len(np.unique(images)) == len(images) == header["scalars"]["image_count"]:  # a bank: rows are images
        size = len(images)
        return {int(size * 0.46), *(int((place + 0.5) * size / FACES) for place in range(FACES))}
    serials = header["scalars"]["dict_written"] - len(images) + np.arange(len(images))
    return set(images[serials % 16 == 0].tolist())


def pictures(client: httpx.Client, entry: dict[str, Any], images: Iterable[int]) -> list[bytes]:
    """The set's sheets with these pictures in their places and nothing elsewhere, as WebP files."""
    columns, thumb = entry["atlas_columns"], entry["thumb"]
    wanted = sorted(images)
    if not wanted:
        return []
    sheets: list[bytes] = []
    for page in range(entry["page_count"]):
        path = entry["atlas"].replace("{set}", entry["name"]).replace("{page}", str(page))
        answer = client.get(urljoin(str(client.base_url), path))
        answer.raise_for_status()
        with Image.open(io.BytesIO(answer.content)) as whole:
            kept = Image.new("RGBA", whole.size)
            for image in wanted:
                on, place = divmod(image, columns * columns)
                if on == page:
                    x, y = place % columns * thumb, place // columns * thumb
                    kept.paste(whole.crop((x, y, x + thumb, y + thumb)), (x, y))
        file = io.BytesIO()
        kept.save(file, "WEBP", quality=QUALITY, method=6)
        sheets.append(file.getvalue())
    return sheets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", choices=[[], *PLANS], help="which; all where none is named")
    parser.add_argument("--to", type=Path, default=ROOT / "web" / "public" / "opening", help="folder to write to")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder), LESSONS="false") as (url, _),
        httpx.Client(base_url=f"{url}/api/v1", timeout=180) as client,
    ):
        for lesson in options.lessons or PLANS:
            data = record(client, lesson, PLANS[lesson])
            if len(data) > LARGEST:
                raise SystemExit(f"{lesson}: {len(data):,} bytes, more than {LARGEST:,}")
            (options.to / f"{lesson}.sbr").write_bytes(data)
            print(f"{lesson}.sbr: step {PLANS[lesson].steps}, {len(data):,} bytes", flush=True)


if __name__ == "__main__":
    main()
