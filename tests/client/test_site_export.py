"""`export --site`: a folder with the site, whole or not at all, and nothing outside of it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import Running, until
from test_command_line import sushibelt

from sushibelt import Client, site
from sushibelt.errors import BadData, SushibeltError

PAGE = "<html><head><title>x</title>\n  </head><body><main></main></body></html>"


def packed(files: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda _: None) -> io.BytesIO:
    """A zip of a page and these files; `change` may spoil each entry but the page."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("index.html", PAGE)
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            change(entry)
            archive.writestr(entry, content)
    data.seek(0)
    return data


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "a\\..\\out.txt", "C:/out.txt", "a/nul.txt", "a. /b"]
)
def test_a_name_that_leads_out_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="leads out of the folder"):
        site.unpack(packed({"good.js": b"1", name: b"bad"}), tmp_path / "out")
    assert everything(tmp_path) == []


def test_a_link_in_the_zip_is_refused(tmp_path: Path) -> None:
    def link(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = 0o120777 << 16

    with pytest.raises(BadData, match="leads out of the folder"):
        site.unpack(packed({"passwords": b"/etc/passwd"}, link), tmp_path / "out")
    assert everything(tmp_path) == []


def test_a_good_zip_is_unpacked_into_a_new_or_empty_folder(tmp_path: Path) -> None:
    for out in (tmp_path / "deep" / "out", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        files = site.unpack(packed({"assets/app.js": b"1", "embed/belt.html": b"2"}), out)
        assert everything(out) == ["assets", "assets/app.js", "embed", "embed/belt.html", "index.html"]
        assert files[-1] == out.resolve() / "index.html", "the page comes after all that it asks for"
        assert files[-1].stat().st_mode & 0o444
    assert everything(tmp_path / "deep") == ["out", *(f"out/{name}" for name in everything(tmp_path / "empty"))]


def test_a_folder_with_files_is_written_into_only_when_told_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    site.unpack(packed({"app.js": b"old"}), out)
    (out / "notes.md").write_text("mine")
    with pytest.raises(SushibeltError, match="--force"):
        site.unpack(packed({"app.js": b"new"}), out)
    assert (out / "app.js").read_text() == "old"
    site.unpack(packed({"app.js": b"new"}), out, force=True)
    assert [(out / name).read_text() for name in ("app.js", "notes.md")] == ["new", "mine"]
    with pytest.raises(SushibeltError, match="is a file"):
        site.unpack(packed({}), out / "app.js", force=True)


def test_a_link_in_the_folder_is_not_followed_out_of_it(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (outside / "app.js").write_text("theirs")
    (out / "assets").symlink_to(outside)
    with pytest.raises(SushibeltError, match="link out of"):
        site.unpack(packed({"a.js": b"1", "assets/deeper/app.js": b"2"}), out, force=True)
    assert everything(out) == ["assets"], "nothing was written"
    assert everything(outside) == ["app.js"]
    # A link where a file belongs is replaced, and what it led to stays.
    (out / "assets").unlink()
    (out / "app.js").symlink_to(outside / "app.js")
    site.unpack(packed({"app.js": b"ours"}), out, force=True)
    assert [(out / "app.js").read_text(), (outside / "app.js").read_text()] == ["ours", "theirs"]


def test_what_is_damaged_or_no_site_is_said(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadData, match="no whole zip"):
        site.unpack(io.BytesIO(b"<html>a proxy's page</html>"), out)
    whole = packed({"app.js": b"01234567890123456789"}).getvalue()
    with pytest.raises(BadData, match="no whole zip"):
        site.unpack(io.BytesIO(whole[:-40]), out)
    with pytest.raises(BadData, match=r"app\.js of the site is damaged"):
        site.unpack(io.BytesIO(whole.replace(b"0123456789", b"0123456780", 1)), out)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("book.txt", "x")
    with pytest.raises(BadData, match="no site"):
        site.unpack(other, out)
    assert everything(tmp_path) == []


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "MAX_FILES", 3)
    with pytest.raises(BadData, match="more than 3 files"):
        site.unpack(packed({f"{n}.js": b"1" for n in range(3)}), tmp_path / "out")
    monkeypatch.setattr(site, "MAX_BYTES", 1_000)
    with pytest.raises(BadData, match="more than"):
        site.unpack(packed({"big.js": bytes(1_001)}), tmp_path / "out")
    # One that says it is small, and is not.
    lying = packed({"big.js": bytes(900)}).getvalue()
    size = (900).to_bytes(4, "little")
    place = lying.rindex(size, 0, lying.rindex(b"PK\x05\x06"))
    with pytest.raises(BadData, match=r"damaged|larger"):
        site.unpack(io.BytesIO(lying[:place] + (10).to_bytes(4, "little") + lying[place + 4 :]), tmp_path / "out")
    assert everything(tmp_path) == []


@pytest.fixture(scope="module")
def with_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    web = tmp_path_factory.mktemp("web")
    (web / "embed").mkdir()
    for page in (web / "index.html", web / "embed" / "index.html"):
        page.write_text(PAGE)
    with Running(tmp_path_factory.mktemp("data"), web_dir=web, lessons=False) as running:
        yield running


def test_the_command_writes_the_folder(with_pages: Running, tmp_path: Path) -> None:
    run = with_pages.create(steps=20)["id"]
    until(lambda: with_pages.http.get(f"/runs/{run}/recording").status_code == 200, 60)
    out = tmp_path / "out"
    done = sushibelt(with_pages.url, "export", run, "--site", str(out))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "README.txt in it says how to put it on a host" in " ".join(done.stderr.split())
    assert {"index.html", "embed/belt.html", "recordings/belt.sbr", "poster.png"} <= set(everything(out))
    assert sushibelt("http://127.0.0.1:9", "play", str(out / "recordings" / "belt.sbr"), "--json").returncode == 0
    again = sushibelt(with_pages.url, "export", run, "--site", str(out))
    assert (again.returncode, "--force" in again.stderr) == (1, True)
    assert sushibelt(with_pages.url, "export", run, "--site", str(out), "--force").returncode == 0
    files = Client(with_pages.url).get(run).site(tmp_path / "again")
    assert {file.name for file in files} >= {"index.html", "belt.sbr"}
    assert sorted(os.listdir(tmp_path)) == ["again", "out"]


def test_the_command_says_why_there_is_no_site(belt: Running, with_pages: Running, tmp_path: Path) -> None:
    missing = sushibelt(with_pages.url, "export", "nothing", "--site", str(tmp_path / "out"))
    assert (missing.returncode, "no_such_run" in missing.stderr) == (4, True)
    run = belt.create(steps=20)["id"]
    until(lambda: belt.http.get(f"/runs/{run}/recording").status_code == 200, 60)
    unbuilt = sushibelt(belt.url, "export", run, "--site", str(tmp_path / "out"))
    assert (unbuilt.returncode, "make web" in " ".join(unbuilt.stderr.split())) == (4, True)
    assert everything(tmp_path) == []
