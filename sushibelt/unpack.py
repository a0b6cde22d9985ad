"""A zip file from elsewhere into a new folder: nothing outside it, no links, bounded."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

from sushibelt.errors import BadData, SushibeltError

MAX_FILES = 5_000
MAX_BYTES = 2 << 30


def unpack(data: bytes, folder: Path) -> list[Path]:
    """The files that were written.

    Raises:
        SushibeltError: the folder is there and not empty.
        BadData: no zip, a path that leads elsewhere, or more than 5,000 files or 2 GiB.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SushibeltError(f"{folder} is there already; give a new or an empty folder")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise BadData("the service sent no zip file; is it of the same version as this client?") from None
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise BadData(f"this zip file holds more than {MAX_FILES:,} files or {MAX_BYTES >> 30} GiB")
        targets = [folder / _inside(entry) for entry in entries]  # all are looked at before the first is written
        for entry, target in zip(entries, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("xb") as file:
                # The size that a zip states may be a lie; no more than it says is read.
                content = source.read(entry.file_size + 1)
                if len(content) > entry.file_size:
                    raise BadData(f"{entry.filename} is larger than this zip file says")
                file.write(content)
    return targets


def _inside(entry: zipfile.ZipInfo) -> Path:
    name = entry.filename
    path = PurePosixPath(name)
    link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    if link or "\\" in name or ":" in name or "\0" in name or path.is_absolute() or ".." in path.parts:
        raise BadData(f"this zip file names {name!r}, which leads out of the folder; nothing was written")
    return Path(*path.parts)
