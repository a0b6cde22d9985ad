"""What keeps a hostile or enormous archive from hurting: limits, and the checks that hold them.

Limits count what really arrives. All of them are far above any honest set for a course.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, cast

from trainers.image_set import Hostile, TooLarge, Unreadable

MAX_PICTURES = 500_000
MAX_ENTRIES = 2_000_000
"""Files and folders of any kind in one source."""
MAX_PICTURE_BYTES = 50 * 2**20
MAX_TOTAL_BYTES = 20 * 2**30
"""Unpacked bytes that an archive may give."""
MAX_RATIO = 200
"""Unpacked to packed bytes; looked at only above RATIO_FLOOR."""
RATIO_FLOOR = 2**30
MAX_ZIP_INDEX = 512 * 2**20
MAX_TAR_HEADER = 2**20
MAX_DEPTH = 32
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}


class Budget:
    """Counts unpacked bytes and stops an archive that gives more than a limit."""

    def __init__(self, path: Path, packed: int) -> None:
        self.path, self.packed, self.spent = path, packed, 0

    def spend(self, count: int) -> None:
        self.spent += count
        if self.spent > MAX_TOTAL_BYTES:
            raise TooLarge(
                f"{self.path} unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB, the limit. Register "
                "a part of it, "
                "or unpack it and register the folder."
            )
        if self.spent > RATIO_FLOOR and self.spent > MAX_RATIO * self.packed:
            raise Hostile(
                f"{self.path} unpacks to more than {MAX_RATIO} times its size, as archive bombs do. "
                "If it is honest, unpack it and register the folder."
            )


class Counted:
    """The unpacked stream, with every byte put on the budget."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, count: int = -1) -> bytes:
        data = self._stream.read(count)
        self._budget.spend(len(data))
        return data


class CarefulTarInfo(tarfile.TarInfo):
    """tarfile reads extended headers into memory whole, however large they say they are: refuse large
    ones.
    """

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
                    tarfile.GNUTYPE_LONGLINK)  # fmt: skip
        if self.type in extended and self.size > MAX_TAR_HEADER:
            raise Hostile(
                f"The archive has a header of {self.size:,} bytes; the limit is {MAX_TAR_HEADER:,}. Pack it again."
            )
        return cast(tarfile.TarInfo, super()._proc_member(archive))  # type: ignore[misc]


def is_picture_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def wanted(name: PurePosixPath) -> bool:
    """A picture by name, and not one of the shadow files that macOS and others put beside it."""
    return is_picture_name(name.name) and not any(p.startswith((".", "__MACOSX")) for p in name.parts)


def member_path(archive: Path, name: str) -> PurePosixPath:
    """The member's path, if it stays inside the archive."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or (len(name) > 1 and name[1] == ":"):
        raise Hostile(
            f"{archive} has a member that leaves the archive ({name[:200]!r}). Do not trust it; pack your own."
        )
    path = PurePosixPath("/".join(parts))
    if len(path.parts) > MAX_DEPTH:
        raise TooLarge(f"{archive}: {name[:200]!r} is deeper than {MAX_DEPTH} folders, the limit. Flatten it.")
    return path


def read_bounded(file: IO[bytes], name: str) -> bytes:
    """Reads a picture, at most one byte over the limit."""
    data = file.read(MAX_PICTURE_BYTES + 1)
    if len(data) > MAX_PICTURE_BYTES:
        raise TooLarge(
            f"{name} has more than {MAX_PICTURE_BYTES >> 20} MiB, the limit for one picture. Shrink or remove it."
        )
    return data


def archive_kind(path: Path) -> str:
    """By its first bytes, not by its name; a bare tar has its mark at byte 257."""
    with open(path, "rb") as file:
        head = file.read(512)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    raise Unreadable(
        f"{path} is no zip or tar archive (tar, tar.gz, tar.xz, tar.bz2). Register a folder or such an archive."
    )


def unpacker(file: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if kind == "bz2":
        return cast("IO[bytes]", bz2.BZ2File(file))
    if kind == "xz":
        return cast("IO[bytes]", lzma.LZMAFile(file))
    return file


def check_zip_index(path: Path) -> None:
    """zipfile reads the whole index into memory: look at its size first (end record, APPNOTE 4.3.14 and
    4.3.16).
    """
    with open(path, "rb") as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(max(0, end - 65_536 - 64))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + 20 > len(tail):
            return  # zipfile will say that it is no archive
        sizes = [struct.unpack_from("<L", tail, at + 12)[0]]
        if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
            file.seek(min(struct.unpack_from("<Q", tail, at - 12)[0], end))
            record = file.read(56)
            if record.startswith(b"PK\x06\x06") and len(record) == 56:
                # 0xFFFFFFFF in the short record only says: look in the long one.
                sizes = [s for s in sizes if s != 0xFFFFFFFF] + [struct.unpack_from("<Q", record, 40)[0]]
    if max(sizes) > MAX_ZIP_INDEX:
        raise TooLarge(
            f"{path} has an index of {max(sizes):,} bytes; the limit is {MAX_ZIP_INDEX:,}. Register a part of it."
        )
