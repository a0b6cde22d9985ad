"""Puts a backup into a data folder that has no runs. All of it is checked before any of it is put in place."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from pathlib import Path

from server.backup.manifest import DATABASE, MANIFEST, MANIFEST_BYTES, MEMBER, BackupError, Digest, Manifest, parse
from server.backup.progress import Progress
from server.settings import Settings
from server.store.database import StoreError, lock_folder
from server.store.schema import known_revisions

ASIDE = ".restoring"
CHUNK = 1 << 20


def restore(settings: Settings, source: Path) -> Manifest:
    """Unpack the backup `source` into the data folder.

    Raises:
        BackupError: the file is not whole or not a backup, or the folder has runs, is in use, or cannot be written.
    """
    try:
        archive = tarfile.open(source, "r:")  # noqa: SIM115
    except tarfile.TarError:
        raise BackupError(f"{source} is not a Sushibelt backup: it is not a tar file, or a compressed one") from None
    except OSError as error:
        raise BackupError(f"{source} cannot be read: {error.strerror}") from None
    with archive:
        members, manifest = _check(archive, source)
        _check_place(settings, manifest, source)
        try:
            with lock_folder(settings.data_dir):
                _check_folder(settings.data_dir)
                try:
                    _unpack(archive, members, manifest, settings.data_dir, source)
                    _put_in_place(settings.data_dir)
                finally:
                    shutil.rmtree(settings.data_dir / ASIDE, ignore_errors=True)
        except StoreError as error:
            raise BackupError(str(error)) from None
        except OSError as error:
            raise BackupError(f"{settings.data_dir}: {error.strerror or error}; nothing was restored") from None
    return manifest


def _check(archive: tarfile.TarFile, source: Path) -> tuple[list[tarfile.TarInfo], Manifest]:
    """The members to unpack, all with names and kinds that may be, and what the manifest says of them."""
    try:
        members = archive.getmembers()
    except (tarfile.TarError, OSError, ValueError) as error:
        raise BackupError(f"{source} is torn or damaged ({error}); nothing was restored") from None
    seen: set[str] = set()
    for member in members:
        name = member.name
        if not member.isreg() or member.issparse() or not (name == MANIFEST or MEMBER.fullmatch(name)) or name in seen:
            what = "twice" if name in seen else "which is no part of a backup"
            raise BackupError(f"{source} holds {name[:200]!r}, {what}; nothing was restored")
        seen.add(name)
    if not members or members[-1].name != MANIFEST:
        raise BackupError(f"{source} is no Sushibelt backup, or is torn: it does not end with a manifest")
    last = members.pop()
    file = archive.extractfile(last)
    if file is None or last.size > MANIFEST_BYTES:
        raise BackupError(f"{source} is not a Sushibelt backup: its manifest cannot be read")
    manifest = parse(file.read(), str(source))
    if {member.name: member.size for member in members} != {n: entry.size for n, entry in manifest.files.items()}:
        raise BackupError(f"{source} is damaged: its files are not those of its manifest; nothing was restored")
    return members, manifest


def _check_place(settings: Settings, manifest: Manifest, source: Path) -> None:
    """It fits the settings and this code."""
    postgresql = isinstance(settings.database, str)
    if manifest.database == "sqlite" and postgresql:
        raise BackupError(
            f"{source} holds a SQLite database and SUSHIBELT_DATABASE_URL names a PostgreSQL one; unset it to restore"
        )
    if manifest.database == "postgresql" and not postgresql:
        raise BackupError(
            f"{source} holds files only, its runs are in a PostgreSQL database: restore that with pg_restore and set "
            "SUSHIBELT_DATABASE_URL to it"
        )
    if (manifest.database == "sqlite") != (DATABASE in manifest.files):
        raise BackupError(f"{source} is damaged: it does not hold the database that its manifest says")
    if manifest.revision is not None and manifest.revision not in known_revisions():
        raise BackupError(f"{source} was made by a newer Sushibelt ({manifest.version}); update this one")


def _check_folder(folder: Path) -> None:
    """Nothing is there that a restored run could be mixed up with."""
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "checkpoints", "recordings"):
        path = folder / name
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
        elif path.exists() or path.is_symlink():
            raise BackupError(
                f"{folder} has {name} already and nothing is restored over it; move it away, or set "
                "SUSHIBELT_DATA_DIR to another folder"
            )


def _unpack(
    archive: tarfile.TarFile, members: list[tarfile.TarInfo], manifest: Manifest, folder: Path, source: Path
) -> None:
    """All files into a folder aside, each flushed and found to be what the manifest says."""
    aside, total = folder / ASIDE, sum(member.size for member in members)
    shutil.rmtree(aside, ignore_errors=True)
    free = shutil.disk_usage(folder).free
    if free < total + CHUNK:
        raise BackupError(
            f"{folder} has {free / 1e9:.2f} GB free and the backup takes {total / 1e9:.2f} GB; free some space"
        )
    aside.mkdir()
    progress = Progress("checked and unpacked", total)
    for member in members:
        target, digest = aside / member.name, Digest()
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            try:
                packed = archive.extractfile(member)
                while packed is not None and (data := packed.read(CHUNK)):
                    digest.add(data)
                    out.write(data)
                    progress.add(len(data))
            except tarfile.TarError as error:
                raise BackupError(f"{source} is torn or damaged ({error}); nothing was restored") from None
            out.flush()
            os.fsync(out.fileno())
        if digest.entry != manifest.files[member.name]:
            raise BackupError(f"{source} is damaged: {member.name} is not as it was saved; nothing was restored")
    progress.end()


def _put_in_place(folder: Path) -> None:
    """The database last: where it is, all is. Raises OSError; then nothing is in place."""
    done: list[Path] = []
    try:
        for name in ("checkpoints", "recordings", DATABASE):
            if (folder / ASIDE / name).exists():
                os.rename(folder / ASIDE / name, folder / name)
                done.append(folder / name)
    except OSError:
        for path in reversed(done):
            with contextlib.suppress(OSError):
                os.rename(path, folder / ASIDE / path.name)
        raise
