"""Reads the pictures out of a directory or an archive, one after the other, trusting nothing it says about
itself.

Nothing is ever extracted to disk. Sizes are counted on the bytes that really arrive; links and devices are
left out; a member whose path leaves the archive is an error, because no honest archive has one.
"""

from __future__ import annotations

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from trainers import archive_guards as guards
from trainers.image_set import ImageError, Missing, TooLarge, Unreadable

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


class Source:
    """A registered path. `pictures()` streams (relative path, bytes) in whatever order the source has them.

    left_out counts what was passed over, by reason. Bytes are None for a picture that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left_out: dict[str, int] = {}
        self.done = 0.0
        """Share of the source read so far, in [0, 1]."""

    def pictures(self, read: bool = True) -> Iterator[tuple[PurePosixPath, bytes | None]]:
        """Streams the pictures; with read=False only their names (bytes are b'')."""
        self.left_out.clear()
        with self._errors():
            mode = self.path.stat().st_mode
            if stat.S_ISDIR(mode):
                members = self._from_directory(read)
            elif not stat.S_ISREG(mode):
                raise Unreadable(f"{self.path} is neither a folder nor a file. Register a folder, zip or tar archive.")
            else:
                kind = guards.archive_kind(self.path)
                members = self._from_zip(read) if kind == "zip" else self._from_tar(kind, read)
            for count, (name, data) in enumerate(members, start=1):
                if count > guards.MAX_PICTURES:
                    raise TooLarge(
                        f"{self.path} has more than {guards.MAX_PICTURES:,} pictures, the limit. Register a part of it."
                    )
                yield name, data

    def fingerprint(self) -> str:
        """Changes when the source changes: path, size and time of the archive, or of every picture of the
        folder.
        """
        with self._errors():
            info = self.path.stat()
            if not stat.S_ISDIR(info.st_mode):
                return f"{self.path}\0{info.st_size}\0{info.st_mtime_ns}"
            lines = [
                f"{p}\0{e.stat(follow_symlinks=False).st_size}\0{e.stat(follow_symlinks=False).st_mtime_ns}"
                for p, e in self._walk()
            ]
            return "\n".join([str(self.path), *sorted(lines)])

    def _skip(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns what the operating system and the unpackers raise into words."""
        try:
            yield
        except ImageError:
            raise
        except FileNotFoundError as error:
            raise Missing(
                f"{error.filename or self.path} does not exist. Correct the path or put the files there."
            ) from error
        except PermissionError as error:
            raise Unreadable(
                f"{error.filename or self.path} may not be read by this user. Change its permissions."
            ) from error
        except _BROKEN as error:
            raise Unreadable(
                f"{self.path} is damaged or no zip or tar archive ({error}). Copy or pack it again."
            ) from error
        except OSError as error:
            raise Unreadable(
                f"{self.path} cannot be read: {error.strerror or error}. Copy or pack it again."
            ) from error

    # Folders

    def _walk(self) -> Iterator[tuple[PurePosixPath, os.DirEntry[str]]]:
        """Every regular file named like a picture, without following links."""
        open_folders = [(self.path, PurePosixPath())]
        entries = 0
        while open_folders:
            folder, inner = open_folders.pop()
            with os.scandir(folder) as listing:
                for entry in sorted(listing, key=lambda e: e.name):
                    entries += 1
                    if entries > guards.MAX_ENTRIES:
                        raise TooLarge(
                            f"{self.path} has more than {guards.MAX_ENTRIES:,} entries, the limit. "
                            "Register a part of it."
                        )
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink():
                        self._skip("links, which are not followed")
                    elif entry.is_dir(follow_symlinks=False):
                        if len(inner.parts) >= guards.MAX_DEPTH:
                            raise TooLarge(
                                f"{entry.path} is deeper than {guards.MAX_DEPTH} folders, the limit. Flatten it."
                            )
                        open_folders.append((folder / entry.name, inner / entry.name))
                    elif guards.is_picture_name(entry.name) and entry.is_file(follow_symlinks=False):
                        yield inner / entry.name, entry

    def _from_directory(self, read: bool) -> Iterator[tuple[PurePosixPath, bytes | None]]:
        if not read:
            for name, _ in self._walk():
                yield name, b""
            return
        files = list(self._walk())
        # Not followed even if the file was swapped for a link or a pipe since it was listed.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        for i, (name, entry) in enumerate(files):
            self.done = i / len(files)
            try:
                with open(os.open(entry.path, flags), "rb") as file:
                    data = guards.read_bounded(file, f"{self.path}/{name}")
            except OSError:
                yield name, None
                continue
            yield name, data

    # Archives

    def _from_zip(self, read: bool) -> Iterator[tuple[PurePosixPath, bytes | None]]:
        packed = self.path.stat().st_size
        guards.check_zip_index(self.path)
        budget = guards.Budget(self.path, packed)
        with zipfile.ZipFile(self.path) as archive:
            infos = archive.infolist()
            if len(infos) > guards.MAX_ENTRIES:
                raise TooLarge(
                    f"{self.path} has {len(infos):,} entries; the limit is {guards.MAX_ENTRIES:,}. "
                    "Register a part of it."
                )
            for i, info in enumerate(infos):
                self.done = i / len(infos)
                name = guards.member_path(self.path, info.filename)
                if info.is_dir() or not guards.wanted(name):
                    continue
                if not stat.S_ISREG(info.external_attr >> 16) and stat.S_IFMT(info.external_attr >> 16):
                    self._skip("links and devices")
                    continue
                if info.flag_bits & 0x1:
                    raise Unreadable(f"{self.path} is encrypted. Pack it again without a password.")
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Unreadable(
                        f"{self.path} uses a rare compression (method {info.compress_type}). Pack "
                        "it again with deflate."
                    )
                if not read:
                    yield name, b""
                    continue
                try:
                    with archive.open(info) as member:
                        data = guards.read_bounded(member, f"{self.path}: {name}")
                except _BROKEN:
                    yield name, None
                    continue
                budget.spend(len(data))
                yield name, data

    def _from_tar(self, kind: str, read: bool) -> Iterator[tuple[PurePosixPath, bytes | None]]:
        packed = self.path.stat().st_size
        entries = 0
        with open(self.path, "rb") as file:
            stream = guards.Counted(guards.unpacker(file, kind), guards.Budget(self.path, packed))
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", tarinfo=guards.CarefulTarInfo) as archive:
                for member in archive:
                    # A stream keeps every header it has seen; a long archive would fill the memory with them.
                    archive.members.clear()  # type: ignore[attr-defined]
                    entries += 1
                    if entries > guards.MAX_ENTRIES:
                        raise TooLarge(
                            f"{self.path} has more than {guards.MAX_ENTRIES:,} entries, the limit. "
                            "Register a part of it."
                        )
                    self.done = min(1.0, file.tell() / max(1, packed))
                    name = guards.member_path(self.path, member.name)
                    if member.isdir() or not guards.wanted(name):
                        continue
                    if not member.isreg() or member.issparse():
                        self._skip("links and devices")
                        continue
                    if not read:
                        yield name, b""
                        continue
                    content = archive.extractfile(member)
                    yield (
                        name,
                        None if content is None else guards.read_bounded(content, f"{self.path}: {name}"),
                    )
