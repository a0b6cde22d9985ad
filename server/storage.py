"""How many bytes the runs keep: rows of the database, checkpoints and recordings, in all and run by run."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

GIGABYTE = 1e9
IMAGE_FOLDERS = ("cache", "images", "downloads")  # drawn, prepared or fetched anew when they are gone


@dataclass
class RunBytes:
    """What one run keeps. `spare` is the part of `checkpoints` that its newest one is not."""

    checkpoints: int = 0
    spare: int = 0
    recording: int = 0
    database: int = 0

    @property
    def total(self) -> int:
        return self.checkpoints + self.recording + self.database


@dataclass
class Stock:
    """Bytes as they were at one moment. A file that two runs share, after a fork, counts once: half for each."""

    database: int = 0
    checkpoints: int = 0
    recordings: int = 0
    images: int = 0
    """Of the image sets: no run's, and not bounded."""
    runs: dict[str, RunBytes] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What the store's limit is about."""
        return self.database + self.checkpoints + self.recordings

    def of(self, run: str) -> RunBytes:
        return self.runs.setdefault(run, RunBytes())


def weigh(folder: Path, newest: Mapping[str, str], rows: Mapping[str, int], used: int | None) -> Stock:
    """Look at all files in the data folder. Takes a while: not for the event loop.

    Args:
        newest: run to its newest checkpoint, as a path below the folder of checkpoints.
        rows: run to the bytes of its rows. used: bytes of the whole database; the rows' where it cannot say.
    """
    found = Stock(database=sum(rows.values()) if used is None else used)
    for run, size in rows.items():
        found.of(run).database = size
    for folder_of_run in _entries(folder / "checkpoints"):
        run = folder_of_run.name
        for path, size in _files(Path(folder_of_run.path)):
            found.checkpoints += size
            found.of(run).checkpoints += size
            if newest.get(run) != f"{run}/{path.name}":
                found.of(run).spare += size
    for path, size in _files(folder / "recordings"):
        found.recordings += size
        found.of(path.name.partition(".")[0]).recording += size
    found.images = sum(size for name in IMAGE_FOLDERS for _, size in _files(folder / name))
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # not made yet, or gone meanwhile
        return []


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Files below a folder with their bytes; of a file with two names, half for each."""
    for entry in _entries(folder):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path)
            continue
        try:
            status = os.stat(path, follow_symlinks=False)  # the entry's own knows no links on Windows
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield path, status.st_size // max(1, status.st_nlink)
