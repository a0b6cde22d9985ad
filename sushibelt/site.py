"""A run's site, from the service into a folder: downloaded with a bound, unpacked with nothing outside of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from sushibelt.errors import BadData, SushibeltError
from sushibelt.rest import Rest, in_path

MAX_FILES = 2_000
MAX_BYTES = 4 << 30
PIECE_BYTES = 1 << 20
MAIN = "index.html"
RESERVED = frozenset({"con", "prn", "aux", "nul"})


def save_site(
    rest: Rest, run: str, folder: Path, *, force: bool = False, progress: Callable[[int], None] = lambda _: None
) -> list[Path]:
    """Fetch the site of a run into a folder; the files that were written. All of them come, or none.

    Args:
        force: write into a folder with files in it; what the site does not name stays as it is.
        progress: hears how many bytes have come.

    Raises:
        SushibeltError: the folder is not empty. BadData: no site, or a larger one than 2,000 files and 4 GiB.
        Refused, Unreachable: as the service answers.
    """
    check_folder(folder, force)
    with tempfile.TemporaryFile() as packed:
        came = 0
        with rest.stream(f"/api/v1/runs/{in_path(run)}/site") as answer:
            for part in answer.iter_bytes(PIECE_BYTES):
                came += len(part)
                if came > MAX_BYTES:
                    raise BadData(f"the site is larger than {MAX_BYTES >> 30} GiB; nothing was written")
                packed.write(part)
                progress(came)
        packed.seek(0)
        return unpack(packed, folder, force=force)


def check_folder(folder: Path, force: bool) -> None:
    """Raise SushibeltError unless the folder may be written into."""
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise SushibeltError(f"{folder} is a file; give the name of a folder")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise SushibeltError(f"{folder} has files in it; give a new folder, or --force to write over them")


def unpack(packed: IO[bytes], folder: Path, *, force: bool = False) -> list[Path]:
    """The files of a zip, in the folder. All are looked at, and unpacked beside it, before the first is put there.

    Raises:
        SushibeltError: the folder is not empty, or a link in it leads elsewhere. BadData: a bad zip.
    """
    check_folder(folder, force)
    folder = folder.resolve()
    try:
        archive = zipfile.ZipFile(packed)
    except zipfile.BadZipFile:
        raise BadData("the service sent no whole zip file; try again, and nothing was written") from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with archive, tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        entries = {inside(entry): entry for entry in archive.infolist() if not entry.is_dir()}
        if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries.values()) > MAX_BYTES:
            raise BadData(f"the site has more than {MAX_FILES:,} files or {MAX_BYTES >> 30} GiB; nothing was written")
        if Path(MAIN) not in entries:
            raise BadData(f"the zip file is no site: it has no {MAIN}; nothing was written")
        for name, entry in entries.items():
            target = Path(beside) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(entry) as source, target.open("xb") as file:
                    copy(source, file, entry)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
                raise BadData(f"{entry.filename} of the site is damaged: {error}; nothing was written") from None
        for name in entries:
            check_target(folder, name)
        # The page comes last: whoever looks meanwhile finds all that it asks for.
        names = sorted(entries, key=lambda name: (name == Path(MAIN), name))
        return [put(Path(beside) / name, folder / name) for name in names]


def inside(entry: zipfile.ZipInfo) -> Path:
    """Where in the folder it belongs. Raises BadData where that is not in the folder."""
    name, path = entry.filename, PurePosixPath(entry.filename)
    link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    odd = any(part.rstrip(". ") != part or part.split(".")[0].lower() in RESERVED for part in path.parts)
    if link or path.is_absolute() or not path.parts or odd or set(name) & set("\\:\0"):
        raise BadData(f"the zip file names {name!r}, which leads out of the folder; nothing was written")
    return Path(*path.parts)


def copy(source: IO[bytes], file: IO[bytes], entry: zipfile.ZipInfo) -> None:
    """Not more than the zip says: what it says was counted."""
    left = entry.file_size
    while part := source.read(PIECE_BYTES):
        left -= len(part)
        if left < 0:
            raise BadData(f"{entry.filename} is larger than the zip file says; nothing was written")
        file.write(part)


def check_target(folder: Path, name: Path) -> None:
    """Raise SushibeltError where the folder, which may hold anything, has no place for a file of that name."""
    target = folder / name
    if not target.parent.resolve().is_relative_to(folder):
        raise SushibeltError(f"{target.parent} is a link out of {folder}; remove it, or give another folder")
    if target.is_dir() and not target.is_symlink():
        raise SushibeltError(f"{target} is a folder, and the site has a file of that name; give another folder")


def put(file: Path, target: Path) -> Path:
    """Move an unpacked file to its place: over a link there, not through it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(file, target)
    except OSError:  # the folder is on another disk than what lies beside it
        target.unlink(missing_ok=True)
        shutil.move(file, target)
    return target
