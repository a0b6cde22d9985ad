"""Makes a backup of a data folder, also while a service trains in it.

The database is copied as it was at one moment. Checkpoints never change, but old ones make room for new ones: so right
after that moment each one that the copy names gets a second name, aside, and lives until it is copied.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from server import __version__
from server.backup.manifest import DATABASE, MANIFEST, MEMBER, BackupError, Digest, FileEntry, Manifest
from server.backup.progress import Progress
from server.recordings.tape import whole
from server.runs import iso
from server.settings import Settings

SPARE_BYTES = 1 << 20  # room for headers and manifest


@dataclass
class _Content:
    """What is to be copied: names in the archive and where their bytes are now."""

    runs: int = 0
    revision: str | None = None
    database: Path | None = None
    checkpoints: dict[str, Path] = field(default_factory=dict)
    tapes: dict[str, tuple[Path, int | None]] = field(default_factory=dict)
    """With the epoch in which the tape's run began, where it is known."""
    left_out: list[str] = field(default_factory=list)


def save(settings: Settings, target: Path) -> Manifest:
    """Write the backup to `target`, which appears when it is whole.

    Raises:
        BackupError: nothing to copy, no room, `target` exists or cannot be written.
    """
    if target.exists() or target.is_symlink():
        raise BackupError(f"{target} exists already; give another name, or delete it first")
    if not target.parent.is_dir():
        raise BackupError(f"there is no folder {target.parent}; make it first")
    postgresql = isinstance(settings.database, str)
    if not postgresql and not (settings.data_dir / DATABASE).is_file():
        raise BackupError(f"there is no {DATABASE} in {settings.data_dir}; set SUSHIBELT_DATA_DIR to the data folder")
    try:
        with contextlib.ExitStack() as stack:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".sushibelt-", dir=target.parent)))
            content = _files_only(settings.data_dir) if postgresql else _from_sqlite(settings.data_dir, work)
            stack.enter_context(_second_names(settings.data_dir, content))
            if content.database is not None:
                _forget(content.database, content.left_out)
            manifest = _write(work / "backup.tar", content, postgresql)
            os.replace(work / "backup.tar", target)
    except (OSError, sqlite3.Error) as error:
        said = getattr(error, "strerror", None) or error
        of = getattr(error, "filename", None)
        raise BackupError(f"{target} could not be made: {said}" + (f" ({of})" if of else "")) from None
    _sync_folder(target.parent)
    return manifest


# What there is to copy


def _from_sqlite(folder: Path, work: Path) -> _Content:
    source, copy = folder / DATABASE, work / DATABASE
    _need(work, source.stat().st_size)
    content = _Content(database=copy)
    try:
        with _connect(source) as old, _connect(copy, new=True) as new:
            old.backup(new)  # in one go: what the service writes meanwhile neither waits nor gets in
            new.execute("PRAGMA journal_mode=DELETE")
            sound = new.execute("PRAGMA quick_check(1)").fetchone()[0]
            if sound != "ok":
                raise BackupError(f"{source} is damaged ({' '.join(sound.split())}); restore an older backup")
            tables = {name for (name,) in new.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "runs" not in tables:
                raise BackupError(f"{source} is not a database of Sushibelt")
            if "alembic_version" in tables:
                content.revision = new.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            if "checkpoints" not in tables:
                raise BackupError(f"{source} was written by an older Sushibelt; start this one once, then try again")
            for run, first_epoch in new.execute("SELECT id, first_epoch FROM runs"):
                content.runs += 1
                content.tapes[f"recordings/{run}.tape"] = (folder / "recordings" / f"{run}.tape", first_epoch)
            for (file,) in new.execute("SELECT file FROM checkpoints ORDER BY created DESC"):
                content.checkpoints[f"checkpoints/{file}"] = folder / "checkpoints" / file
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied: {error}") from None
    return content


def _files_only(folder: Path) -> _Content:
    content = _Content()
    for path in sorted(folder.glob("checkpoints/*/*.safetensors")):
        content.checkpoints[path.relative_to(folder).as_posix()] = path
    for path in sorted(folder.glob("recordings/*.tape")):
        content.tapes[path.relative_to(folder).as_posix()] = (path, None)
    for table in (content.checkpoints, content.tapes):
        for name in [name for name in table if not MEMBER.fullmatch(name)]:
            del table[name]  # a file of somebody else
    content.runs = len({Path(name).parts[1].removesuffix(".tape") for name in (*content.checkpoints, *content.tapes)})
    return content


@contextmanager
def _second_names(folder: Path, content: _Content) -> Iterator[None]:
    """Hold on to all checkpoints; those that are gone are moved to `left_out`.

    The names lie where a start of the service clears away what a crash left.
    """
    aside = folder / "checkpoints" / f".backup-{os.getpid()}"
    try:
        with contextlib.suppress(OSError):  # no right to write here: they are read under their first names
            aside.mkdir()
        for number, (name, path) in enumerate(list(content.checkpoints.items())):
            second = aside / f"{number}.safetensors"
            try:
                os.link(path, second)
                content.checkpoints[name] = second
            except FileNotFoundError:
                pass
            except OSError:
                continue
            if not content.checkpoints[name].is_file() or not MEMBER.fullmatch(name):
                del content.checkpoints[name]
                content.left_out.append(name)
        yield
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _forget(database: Path, names: list[str]) -> None:
    """Checkpoints that are not there have no row either."""
    with _connect(database) as copy:
        copy.executemany(
            "DELETE FROM checkpoints WHERE file = ?", [(name.removeprefix("checkpoints/"),) for name in names]
        )
        copy.commit()


@contextmanager
def _connect(path: Path, *, new: bool = False) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={'rwc' if new else 'rw'}", uri=True, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


# The archive


def _write(path: Path, content: _Content, postgresql: bool) -> Manifest:
    sizes = [source.stat().st_size for source in content.checkpoints.values()]
    sizes += [source.stat().st_size for source, _ in content.tapes.values() if source.is_file()]
    sizes += [content.database.stat().st_size] if content.database is not None else []
    _need(path.parent, sum(sizes) + 1_024 * len(sizes))
    progress = Progress("copied", sum(sizes))
    files: dict[str, FileEntry] = {}
    with _create(path) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        if content.database is not None:
            with content.database.open("rb") as file:
                files[DATABASE] = _add(archive, DATABASE, file, os.fstat(file.fileno()).st_size, progress)
        for name, source in content.checkpoints.items():
            with source.open("rb") as file:
                files[name] = _add(archive, name, file, os.fstat(file.fileno()).st_size, progress)
        for name, (source, first_epoch) in content.tapes.items():
            found = whole(source)
            if found is None:
                continue
            tape, began, length = found
            with tape:
                if first_epoch in {None, began}:  # else the run was reset after the database was copied
                    files[name] = _add(archive, name, tape, length, progress)
        manifest = Manifest(
            version=__version__,
            date=iso(time.time()),
            database="postgresql" if postgresql else "sqlite",
            revision=content.revision,
            runs=content.runs,
            files=files,
            left_out=content.left_out,
        )
        data = json.dumps(manifest.model_dump(), indent=1).encode()
        _add(archive, MANIFEST, io.BytesIO(data), len(data), progress)
        archive.close()
        out.flush()
        os.fsync(out.fileno())
    progress.end()
    return manifest


def _create(path: Path) -> IO[bytes]:
    """A new file that only its owner may read: it holds all that the database does."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb")


class _Counted:
    """A file of which a given number of bytes is read, and what these are."""

    def __init__(self, file: IO[bytes] | io.FileIO, progress: Progress) -> None:
        self._file, self._progress, self.digest = file, progress, Digest()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size) or b""
        self.digest.add(data)
        self._progress.add(len(data))
        return data


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes] | io.FileIO, size: int, progress: Progress) -> FileEntry:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    counted = _Counted(file, progress)
    file.seek(0)
    archive.addfile(member, counted)
    return counted.digest.entry


def _need(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        raise BackupError(
            f"{folder.parent if folder.name.startswith('.sushibelt-') else folder} has {free / 1e9:.2f} GB free and "
            f"this takes {size / 1e9:.2f} GB; free some space, or name a file on another disk"
        )


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):
            os.fsync(handle)
        os.close(handle)
