"""The folder of a run for static hosts: a whole zip, nothing in it that leads out, a picture of the run itself."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from running import Running, until

from server.api import sites
from server.live import wire
from server.recordings import format as sbr
from server.site import poster
from server.site.moments import standing

ROOT = Path(__file__).resolve().parents[2]
OPENING = ROOT / "web" / "public" / "opening"
PAGE = """<!doctype html>
<html lang="en">
  <head>
    <title>Sushibelt: live</title>
    <script type="module" crossorigin src="{up}assets/index-1.js"></script>
  </head>
  <body>
    {place}
    <noscript><p>It needs <code>/api/v1/catalog</code>.</p></noscript>
  </body>
</html>
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages as they are built, in little."""
    folder = tmp_path_factory.mktemp("web")
    for name in ("assets", "embed", "opening"):
        (folder / name).mkdir()
    (folder / "index.html").write_text(PAGE.format(up="./", place='<div id="page">\n    </div>'))
    (folder / "embed" / "index.html").write_text(PAGE.format(up="../", place="<main></main>"))
    (folder / "share.html").write_text("writes code for pages of a service")
    (folder / ".stamp").write_text("when it was built")
    (folder / "elements.js").write_text('import "./assets/index-1.js";')
    (folder / "assets" / "index-1.js").write_bytes(bytes(range(256)) * 4_000)
    for name in ("bank", "belt", "matrix"):
        (folder / "opening" / f"{name}.sbr").write_bytes((OPENING / f"{name}.sbr").read_bytes())
    return folder


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory, web: Path) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), lessons=False, web_dir=web) as running:
        yield running


def site_of(running: Running, run: str) -> zipfile.ZipFile:
    answer = running.http.get(f"/runs/{run}/site")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{run}-site.zip"'
    assert answer.headers["cache-control"] == "no-store"
    site = zipfile.ZipFile(io.BytesIO(answer.content))
    assert site.testzip() is None
    return site


def ticks(answer: httpx.Response) -> list[int]:
    if answer.status_code != 200:
        return []
    return [record.step for record in sbr.decode(answer.content).records if record.kind in {sbr.SNAPSHOT, sbr.CHANGE}]


def finished(running: Running, **config: Any) -> dict[str, Any]:
    run = running.create(steps=300, seed=1, **config)
    running.becomes(run["id"], "finished")
    until(lambda: 300 in ticks(running.http.get(f"/runs/{run['id']}/recording")))
    return running.run(run["id"])


def test_it_holds_the_run_the_pages_and_the_moments_of_the_lesson(belt: Running, web: Path) -> None:
    run = finished(belt, name="a <b> & c")
    site = site_of(belt, run["id"])
    pages = {f"embed/{name}.html" for name in ("bank", "belt", "matrix", "meter", "lesson")}
    recordings = {f"recordings/{name}.sbr" for name in ("bank", "belt", "matrix")}
    others = {"index.html", "site.css", "elements.js", "assets/index-1.js", "poster.png", "README.txt"}
    assert set(site.namelist()) == pages | recordings | others
    assert {entry.compress_type for entry in site.infolist()} == {zipfile.ZIP_DEFLATED}
    assert site.read("assets/index-1.js") == (web / "assets" / "index-1.js").read_bytes()
    mine = sbr.decode(site.read("recordings/belt.sbr"))
    assert mine.header["run"]["id"] == run["id"]
    assert mine.records == sbr.decode(belt.http.get(f"/runs/{run['id']}/recording").content).records
    # The others stand still, at the moment that the lesson opens on.
    for name in ("bank", "matrix"):
        moment, source = sbr.decode(site.read(f"recordings/{name}.sbr")), sbr.decode(_opening(name))
        assert moment.data == source.data
        assert moment.header["seconds"] == 0
        assert moment.header["run"] == source.header["run"]
    readme = site.read("README.txt").decode()
    assert f"Run {run['id']}, a <b> & c: moco on sushi" in readme
    held = readme[readme.index("    index.html") :].splitlines()
    assert "    recordings/belt.sbr     this run" in held
    assert all(line[27] == " " != line[28] for line in held), "one column"
    assert readme.count("one moment of another run, not of this one") == 2
    assert 'recording="demo/recordings/belt.sbr"' in readme


def test_every_address_in_its_pages_is_relative_and_in_it(belt: Running) -> None:
    site = site_of(belt, finished(belt, name="a <b> & c")["id"])
    for name in (name for name in site.namelist() if name.endswith(".html")):
        page = site.read(name).decode()
        assert "/api" not in page
        assert page.count("<noscript>") == 1
        # A policy holds for what stands below it.
        assert page.index("script-src 'self'; object-src 'none'; base-uri 'none'") < page.index("<script")
        assert '<meta name="referrer" content="no-referrer"' in page
        assert "a &lt;b&gt; &amp; c" in page
        [recording] = re.findall(r'<meta name="sushibelt-recording" content="([^"]+)"', page)
        folder = Path(name).parent
        for address in re.findall(r'(?:src|href)="([^"]+)"', page):
            assert not re.match(r"/|\w+:", address), address
            inside = (Path("/") / folder / address).resolve().relative_to("/").as_posix()
            assert inside in site.namelist() or inside == "icon.svg", (name, address)
        assert recording.endswith("/") or recording in site.namelist()
    assert 'content="recordings/"' in site.read("index.html").decode()
    assert 'content="recordings/belt.sbr"' in site.read("embed/meter.html").decode()
    assert 'content="recordings/bank.sbr"' in site.read("embed/bank.html").decode()


@pytest.mark.parametrize("method", ["memory_bank", "simclr"])
def test_runs_of_every_method_have_one(belt: Running, method: str) -> None:
    name = {"memory_bank": "bank", "simclr": "matrix"}[method]
    run = finished(belt, method=method)
    site = site_of(belt, run["id"])
    assert sbr.decode(site.read(f"recordings/{name}.sbr")).header["run"]["id"] == run["id"]
    meter = "bank" if name == "bank" else "belt"
    assert f'content="recordings/{meter}.sbr"' in site.read("embed/meter.html").decode()
    with Image.open(io.BytesIO(site.read("poster.png"))) as picture:
        assert picture.size == poster.SIZE


def test_refusals_say_what_to_do(belt: Running, tmp_path: Path, web: Path) -> None:
    answer = belt.http.get("/runs/nothing/site")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_run")
    with Running(tmp_path / "data", lessons=False, web_dir=tmp_path / "none") as bare:
        run = finished(bare)
        answer = bare.http.get(f"/runs/{run['id']}/site")
        assert (answer.status_code, answer.json()["code"]) == (503, "no_pages")
        assert "make web" in answer.json()["detail"]
    with Running(tmp_path / "silent", lessons=False, web_dir=web, recording_mb=0) as silent:
        answer = silent.http.get(f"/runs/{silent.create(steps=3)['id']}/site")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_recording")
        assert "SUSHIBELT_RECORDING_MB" in answer.json()["detail"]


def test_few_are_made_at_a_time_and_who_comes_later_is_told(belt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(belt)["id"]
    monkeypatch.setattr(sites, "TURN_SECONDS", 0.2)
    semaphore = belt.service.recordings.laying_out
    monkeypatch.setattr(semaphore, "_value", 0)  # as while others are made
    answer = belt.http.get(f"/runs/{run}/site")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert int(answer.headers["retry-after"]) > 0
    monkeypatch.setattr(semaphore, "_value", 1)
    for _ in range(3):
        site_of(belt, run)  # each gives its turn back


def _opening(name: str) -> bytes:
    return (OPENING / f"{name}.sbr").read_bytes()


def moment(name: str) -> tuple[dict[str, Any], wire.Frame, list[bytes]]:
    recording = sbr.decode(_opening(name))
    rows = list(zip(recording.records, recording.data, strict=True))
    sheets = [data for record, data in rows if record.kind == sbr.SHEET]
    return recording.header["run"], wire.decode([d for r, d in rows if r.kind == sbr.SNAPSHOT][-1]), sheets


def drawn(run: dict[str, Any], frame: wire.Frame, sheets: list[bytes]) -> Any:
    with Image.open(io.BytesIO(poster.draw(run, frame, sheets))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_the_poster_shows_the_runs_own_pictures_and_numbers() -> None:
    run, frame, _ = moment("belt")
    words = poster.words_of(run, frame)
    assert "recorded at step 210" in words
    assert f"consistency {frame.scalars['consistency']:.2f}" in words
    # One colour for every picture of the set: the newest key stands first.
    newest = int(frame.sections["dict.image"][-1])
    sheet = Image.new("RGB", (2048, 2048), (10, 200, 30))
    sheet.paste((250, 0, 250), (newest % 4096 % 64 * 32, newest % 4096 // 64 * 32, *_ends(newest)))
    packed = io.BytesIO()
    sheet.save(packed, "PNG")
    picture = drawn(run, frame, [packed.getvalue()] * 2)
    middle = (poster.TOP + poster.TILE // 2, 48 + poster.TILE // 2)
    assert alike(picture[middle], (250, 0, 250))
    assert alike(picture[middle[0], middle[1] + poster.TILE + poster.GAP], (10, 200, 30))
    # Below the newest key stands the blue of what is consistent, below the oldest, of 0.07, nearly the salmon of 0.
    line = poster.TOP + poster.TILE - 1
    first, last = picture[line, middle[1]], picture[line + 5 * poster.TALL, 48 + 21 * 50 + poster.TILE // 2]
    assert first[2] > 150 > first[0]
    assert last[0] > 200 > 100 > last[2]


def alike(pixel: Any, colour: tuple[int, int, int]) -> bool:
    """The same but for what 256 colours cannot say."""
    return bool(np.abs(pixel - np.array(colour)).max() <= 12)


def _ends(image: int) -> tuple[int, int]:
    return image % 4096 % 64 * 32 + 32, image % 4096 // 64 * 32 + 32


def test_the_poster_of_a_batch_shows_its_matrix() -> None:
    run, frame, _ = moment("matrix")
    one = drawn(run, frame, [])
    frame.sections["matrix"] = np.full((64, 64), 255, np.uint8)
    other = drawn(run, frame, [])
    assert (one != other).any()
    row = other[94, 1200 - 48 - 516 :][: 516 - 6]
    assert alike(row[30], (217, 88, 63)), "a likeness of 1 between strangers"
    assert alike(row[516 // 2 + 4], (31, 95, 191)), "and between an image's own two views"


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"dict.image": np.zeros(0, np.uint32), "dict.step": np.zeros(0, np.uint32)},
        {"dict.image": np.arange(3, dtype=np.uint32), "dict.step": np.arange(3, dtype=np.uint32)},
        {"matrix": np.zeros((3, 3), np.uint8), "views": np.zeros((2, 0, 32, 32, 3), np.uint8)},
        {"views": np.zeros((1, 2, 8, 8, 3), np.uint8)},
    ],
    ids=["nothing", "empty", "three keys", "an odd matrix", "one view"],
)
def test_the_poster_is_drawn_of_whatever_there_is(sections: dict[str, Any]) -> None:
    run, _, _ = moment("belt")
    bare = wire.Frame("r", 1, 1, 0, 0.0, True, {"consistency": None}, sections)
    assert drawn(run | {"name": "long " * 80}, bare, [b"no picture"]).shape == (630, 1200, 3)


def test_its_colours_are_those_of_the_page() -> None:
    tokens = (ROOT / "web" / "styles" / "tokens.css").read_text().partition("data-theme")[0]
    for name, colour in poster.INKS.items():
        assert f"--{name}: {colour};" in tokens
    ramp = (ROOT / "web" / "src" / "draw" / "palette.ts").read_text()
    light = ramp[ramp.index("light: [") : ramp.index("dark: [")]
    stops = [tuple(map(float, found)) for found in re.findall(r"\[([\d.]+), \[(\d+), (\d+), (\d+)\]\]", light)]
    assert stops == [(at, *colour) for at, colour in zip(*poster.RAMP, strict=True)]


def test_a_moment_that_is_no_recording_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.sbr").write_bytes(b"nothing")
    with pytest.raises(sbr.RecordingError):
        standing(tmp_path / "bad.sbr")
