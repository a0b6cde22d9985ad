"""A backup taken beside a service that trains brings everything back; a bad one changes nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from postgres import Postgres, binaries
from running import Running, until
from test_recordings import fetch, play, ticks
from test_service_process import ROOT
from test_survival import LONG, columns, save

from server.backup import save as saving
from server.backup.manifest import BackupError, parse
from server.backup.restore import restore
from server.settings import Settings

DIGITS = {"images": "digits", "batch_size": 8, "embedding_dim": 16, "queue_length": 64}


def command(*words: str | Path, limit: int | None = None, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m server ...`; `limit`: bytes that a file may grow to, as on a full disk."""

    def bound() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or 0, limit or 0))

    environment = {**os.environ, **{f"SUSHIBELT_{name}": str(value) for name, value in settings.items()}}
    line = [sys.executable, "-m", "server", *map(str, words)]
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, preexec_fn=bound if limit else None
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not done.stdout
    return done.stderr


def refusal(call: Callable[[Settings, Path], object], data: Path, file: Path, **settings: Any) -> str:
    """What `save` or `restore` says when it will not."""
    with pytest.raises(BackupError) as caught:
        call(Settings(data_dir=data, **settings), file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def manifest_of(file: Path) -> dict[str, Any]:
    with tarfile.open(file) as archive:
        member = archive.extractfile("manifest.json")
        assert member is not None
        return json.load(member)  # type: ignore[no-any-return]


def test_a_backup_beside_a_training_service_brings_all_back(tmp_path: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "all.tar"
    with Running(here, fake=False, lessons=False, checkpoint_seconds=0.3) as belt:
        done = belt.create(**DIGITS, steps=20, seed=3)["id"]
        belt.becomes(done, "finished", 60)
        run = belt.create(**DIGITS, steps=100_000, seed=4, momentum=0.9)["id"]
        until(lambda: belt.run(run)["step"] > 10, 60)
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5})
        until(lambda: len(belt.http.get(f"/runs/{run}/checkpoints").json()["checkpoints"]) > 2, 30)
        until(lambda: belt.http.get(f"/runs/{run}/recording").status_code == 200, 30)
        before = belt.run(run)["step"]
        made = command("backup", file, DATA_DIR=here)
        assert made.returncode == 0, made.stderr
        assert "2 runs" in made.stdout
        after = belt.run(run)["step"]
        assert after > before
        until(lambda: belt.run(run)["step"] > after + 30, 60)
        belt.command(run, "pause")
        wanted = {one: columns(belt, one) for one in (done, run)}
        said = {one: belt.events(one) for one in (done, run)}
        recordings = {one: ticks(fetch(belt, one)) for one in (done, run)}
        kept = {one: belt.http.get(f"/runs/{one}/checkpoint").content for one in (done,)}
        assert not list(here.glob("checkpoints/.backup*"))
    brought = command("restore", file, DATA_DIR=there)
    assert brought.returncode == 0, brought.stderr
    assert "2 runs" in brought.stdout
    for name, entry in manifest_of(file)["files"].items():
        assert (there / name).stat().st_size == entry["size"]
    with Running(there, fake=False, lessons=False) as belt:
        assert belt.run(done)["state"] == "finished"
        assert columns(belt, done) == wanted[done]
        assert belt.events(done) == said[done]
        assert belt.http.get(f"/runs/{done}/checkpoint").content == kept[done]
        assert ticks(fetch(belt, done)) == recordings[done]
        until(lambda: belt.run(run)["step"] > after + 20, 60)  # it goes on, past the moment of the backup
        belt.command(run, "pause")
        resumed = belt.events(run, type="resumed")[-1]["event"]
        assert resumed["from_step"] > 0, "it went on from a checkpoint"
        assert resumed["damaged"] == []
        found = columns(belt, run)
        assert found["step"] == [float(step) for step in range(1, len(found["step"]) + 1)]
        both = min(len(found["step"]), len(wanted[run]["step"]))
        assert both > after
        assert found["loss"][:both] == wanted[run]["loss"][:both]
        assert belt.run(run)["config"]["momentum"] == 0.5
        mine = [event for event in belt.events(run) if event["epoch"] == 1]
        assert mine == said[run][: len(mine)]
        assert {event["event"]["type"] for event in mine} >= {"created", "knobs"}
        recording = fetch(belt, run)
        play(recording)
        old = {place: data for place, data in ticks(recording).items() if place[0] == 1}
        assert old
        assert old.items() <= recordings[run].items()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a service that is stopped, with two runs; the data folder is beside it."""
    root = tmp_path_factory.mktemp("good")
    with Running(root / "data", lessons=False) as belt:
        run = belt.create(steps=700, seed=1)["id"]
        belt.becomes(run, "finished")
        other = belt.create(**LONG)["id"]
        until(lambda: belt.run(other)["step"] > 2)
        save(belt, other)
        until(lambda: belt.http.get(f"/runs/{run}/recording").status_code == 200)
    made = command("backup", root / "good.tar", DATA_DIR=root / "data")
    assert made.returncode == 0, made.stderr
    return root / "good.tar"


def rewrite(source: Path, target: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """The archive again after a change to its members."""
    with tarfile.open(source) as archive:
        members = [(member, (archive.extractfile(member) or io.BytesIO()).read()) for member in archive]
    change(members)
    with tarfile.open(target, "w") as archive:
        for member, data in members:
            if member.isreg():
                member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def stranger(name: str, **fields: Any) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        member = tarfile.TarInfo(name)
        for key, value in fields.items():
            setattr(member, key, value)
        members.insert(0, (member, b"" if fields else b"evil"))

    return change


def flip(kind: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    """One bit of the last byte of the last file of that kind."""

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        place = max(n for n, (member, _) in enumerate(members) if kind in member.name)
        member, data = members[place]
        members[place] = member, data[:-1] + bytes([data[-1] ^ 1])

    return change


def edit(**fields: Any) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        member, data = members[-1]
        members[-1] = member, json.dumps(json.loads(data) | fields).encode()

    return change


BAD: dict[str, tuple[Callable[[list[tuple[tarfile.TarInfo, bytes]]], None], str]] = {
    "parent folder": (stranger("../evil"), "no part of a backup"),
    "parent folder inside": (stranger("checkpoints/../../evil.safetensors"), "no part of a backup"),
    "absolute": (stranger("/tmp/evil.safetensors"), "no part of a backup"),
    "other file": (stranger("worker.at"), "no part of a backup"),
    "link": (stranger("checkpoints/r1/1-1-1.safetensors", type=tarfile.SYMTYPE, linkname="/etc"), "no part of"),
    "hard link": (stranger("recordings/r1.tape", type=tarfile.LNKTYPE, linkname="sushibelt.db"), "no part of"),
    "folder": (stranger("recordings/r1.tape", type=tarfile.DIRTYPE), "no part of a backup"),
    "device": (stranger("recordings/r1.tape", type=tarfile.CHRTYPE), "no part of a backup"),
    "twice": (lambda members: members.insert(1, members[0]), "twice"),
    "not in the manifest": (stranger("recordings/r1.tape"), "not those of its manifest"),
    "one missing": (lambda members: members.pop(0) and None, "not those of its manifest"),
    "no manifest": (lambda members: members.pop() and None, "does not end with a manifest"),
    "database": (flip("sushibelt.db"), "sushibelt.db is not as it was saved"),
    "checkpoint": (flip("checkpoints/"), "is not as it was saved"),
    "recording": (flip("recordings/"), "is not as it was saved"),
    "manifest": (flip("manifest"), "manifest"),
    "newer tables": (edit(revision="9999"), "newer Sushibelt"),
    "newer format": (edit(format=2), "newer Sushibelt"),
    "something else": (edit(kind="a cookery book"), "kind is wrong"),
    "no database": (edit(database="postgresql"), "files only"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_backup_changes_nothing(good: Path, tmp_path: Path, case: str) -> None:
    change, said = BAD[case]
    rewrite(good, tmp_path / "bad.tar", change)
    data = tmp_path / "out" / "data"
    (data / "images").mkdir(parents=True)
    (data / "images" / "cache.npy").write_bytes(b"stays")
    with pytest.raises(BackupError, match=said) as caught:
        restore(Settings(data_dir=data), tmp_path / "bad.tar")
    assert "\n" not in str(caught.value)
    assert {name: text for name, text in everything(tmp_path / "out").items() if "lock" not in name} == {
        "data/images/cache.npy": b"stays"
    }
    assert not (data / ".restoring").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_torn_backup_changes_nothing(good: Path, tmp_path: Path, share: float) -> None:
    whole = good.read_bytes().rstrip(b"\0")
    (tmp_path / "torn.tar").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BackupError):
        restore(Settings(data_dir=tmp_path / "data"), tmp_path / "torn.tar")
    assert not (tmp_path / "data").exists()


def test_other_files_are_no_backups(good: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(good.read_bytes()))
    (tmp_path / "photo.tar").write_bytes(bytes(range(256)) * 10)
    for name in ("a.tar.gz", "photo.tar", "missing.tar"):
        assert name in refusal(restore, tmp_path / "data", tmp_path / name)
    assert not (tmp_path / "data").exists()
    with pytest.raises(BackupError, match="it is wrong"):
        parse(b"[]", "x")


def test_nothing_is_restored_over_runs_or_under_a_service(good: Path, tmp_path: Path) -> None:
    restore(Settings(data_dir=tmp_path / "a"), good)
    before = everything(tmp_path / "a")
    assert "has sushibelt.db already" in refusal(restore, tmp_path / "a", good)
    assert everything(tmp_path / "a") == before
    (tmp_path / "b" / "recordings").mkdir(parents=True)
    (tmp_path / "b" / "recordings" / "r1.tape").write_bytes(b"of somebody")
    assert "has recordings already" in refusal(restore, tmp_path / "b", good)
    (tmp_path / "b" / "recordings" / "r1.tape").unlink()
    restore(Settings(data_dir=tmp_path / "b"), good)  # empty folders are in nobody's way
    with Running(tmp_path / "c", lessons=False):
        assert "another Sushibelt already uses" in refused(command("restore", good, DATA_DIR=tmp_path / "c"))


def test_what_cannot_be_written_is_said_in_one_line(good: Path, tmp_path: Path) -> None:
    data = good.parent / "data"
    assert "exists already" in refusal(saving.save, data, good)
    assert "no folder" in refusal(saving.save, data, tmp_path / "none" / "a.tar")
    assert "there is no sushibelt.db" in refusal(saving.save, tmp_path, tmp_path / "a.tar")
    size = good.stat().st_size
    assert "too large" in refused(command("backup", tmp_path / "a.tar", DATA_DIR=data, limit=size // 2))
    assert list(tmp_path.iterdir()) == []
    assert not list((data / "checkpoints").glob(".*"))
    limit = max(entry["size"] for entry in manifest_of(good)["files"].values()) // 2
    said = refused(command("restore", good, DATA_DIR=tmp_path / "data", limit=limit))
    assert "nothing was restored" in said
    assert set(everything(tmp_path)) == {"data/sushibelt.lock"}
    (tmp_path / "file").write_text("")
    assert "cannot write to" in refusal(restore, tmp_path / "file" / "below", good)


def test_no_room_is_said_before_anything_is_copied(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 9, 9))  # type: ignore[attr-defined]
    assert "GB free" in refusal(saving.save, good.parent / "data", tmp_path / "a.tar")
    assert "GB free" in refusal(restore, tmp_path / "data", good)
    assert set(everything(tmp_path)) == {"data/sushibelt.lock"}


def test_a_checkpoint_that_is_gone_is_left_out_with_its_row(good: Path, tmp_path: Path) -> None:
    shutil.copytree(good.parent / "data", tmp_path / "data")
    gone = sorted((tmp_path / "data" / "checkpoints").glob("*/*.safetensors"))[0]
    gone.unlink()
    name = gone.relative_to(tmp_path / "data").as_posix()
    made = command("backup", tmp_path / "a.tar", DATA_DIR=tmp_path / "data")
    assert "1 checkpoints made room" in made.stdout
    assert manifest_of(tmp_path / "a.tar")["left_out"] == [name]
    restore(Settings(data_dir=tmp_path / "new"), tmp_path / "a.tar")
    with sqlite3.connect(tmp_path / "new" / "sushibelt.db") as file:
        rows = {row for (row,) in file.execute("SELECT file FROM checkpoints")}
    file.close()
    there = {
        path.relative_to(tmp_path / "new" / "checkpoints").as_posix() for path in tmp_path.glob("new/checkpoints/*/*")
    }
    assert rows == there
    assert name.removeprefix("checkpoints/") not in rows


def test_a_checkpoint_lives_until_it_is_copied_and_traces_of_a_crash_are_swept(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 2)
        step = save(belt, run)
        (file,) = tmp_path.glob(f"checkpoints/{run}/*-{step}-*.safetensors")
        content = saving._Content(checkpoints={f"checkpoints/{run}/{file.name}": file})
        data = file.read_bytes()
        with saving._second_names(tmp_path, content):
            assert belt.http.delete(f"/runs/{run}").status_code == 204
            assert not file.exists()
            assert content.checkpoints[f"checkpoints/{run}/{file.name}"].read_bytes() == data
        assert content.left_out == []
    left = tmp_path / "checkpoints" / ".backup-77" / "0.safetensors"
    left.parent.mkdir()
    left.write_bytes(b"of a backup that was killed")
    with Running(tmp_path, lessons=False):
        assert not left.parent.exists()


def test_with_postgresql_the_files_are_saved_and_the_rest_is_for_pg_dump(postgres: Postgres, tmp_path: Path) -> None:
    url, other = postgres.new(), postgres.new()
    with Running(tmp_path / "a", lessons=False, database_url=url) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 2)
        step = save(belt, run)
        found = columns(belt, run)
        dump = [binaries() / "pg_dump", "--format=custom", "--file", tmp_path / "runs.dump", url]
        subprocess.run(dump, check=True)
        made = command("backup", tmp_path / "files.tar", DATA_DIR=tmp_path / "a", DATABASE_URL=url)
        assert made.returncode == 0, made.stderr
        assert "pg_dump" in made.stdout
        assert "belt:" not in made.stdout + made.stderr, "no password"
    manifest = manifest_of(tmp_path / "files.tar")
    assert (manifest["database"], manifest["revision"]) == ("postgresql", None)
    assert "sushibelt.db" not in manifest["files"]
    assert "files only" in refusal(restore, tmp_path / "b", tmp_path / "files.tar")
    subprocess.run([binaries() / "pg_restore", "--no-owner", "--dbname", other, tmp_path / "runs.dump"], check=True)
    brought = command("restore", tmp_path / "files.tar", DATA_DIR=tmp_path / "b", DATABASE_URL=other)
    assert brought.returncode == 0, brought.stderr
    with Running(tmp_path / "b", lessons=False, database_url=other) as belt:
        assert belt.becomes(run, "paused")["step"] == step
        assert columns(belt, run) == found
        assert belt.command(run, "step")["step"] == step + 1


def test_a_sqlite_backup_is_not_for_a_service_on_postgresql(good: Path, tmp_path: Path) -> None:
    said = refusal(restore, tmp_path / "b", good, database_url="postgresql://a:secretword@h/d")
    assert "unset it" in said
    assert "secretword" not in said


def test_the_command_line_says_what_it_can_do() -> None:
    said = command("--help")
    assert said.returncode == 0
    assert "backup" in said.stdout
    assert "restore" in said.stdout
    wrong = command("bakcup")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
