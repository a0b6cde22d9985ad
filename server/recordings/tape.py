"""A run's recording on disk: ticks, one after the other, in a file that only grows until it is thinned.

    "SBTAPE1\\n"                                 8 bytes
    first epoch, CRC-32 of these 4 bytes        u32, u32
    records: CRC-32 of all that follows, length, kind, time, epoch, offset, step, then `length` bytes

Little endian throughout. A process that dies while it writes leaves a torn record at the end: its length or
its checksum does not fit. Opening cuts there, and what is before it is whole.

Thinning writes what stays into a new file beside and renames it. A reader keeps the file it opened and
the list of records of that moment: what it reads is never moved or cut under it, and a file that is
thinned or removed meanwhile lives until it is done.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from server.recordings.format import SNAPSHOT
from server.recordings.thinning import Group, Keep, thin

MAGIC = b"SBTAPE1\n"
START = struct.Struct("<II")
RECORD = struct.Struct("<IIBdIII")
HEAD_BYTES = len(MAGIC) + START.size
GROUP_SECONDS = 9.0  # without a dictionary every tick is a snapshot; those of so long are one group


@dataclass(frozen=True, slots=True)
class Entry:
    """A tick on the tape. `place` is where its `length` bytes begin, `time` seconds since 1970."""

    kind: int
    time: float
    epoch: int
    offset: int
    step: int
    place: int
    length: int


@dataclass(frozen=True)
class Reading:
    """The tape as it was at one moment, for one reader. To be closed."""

    file: io.FileIO
    entries: tuple[Entry, ...]

    def read(self, entry: Entry) -> bytes:
        """The frame of an entry. Raises OSError."""
        return _read(self.file, entry.place, entry.length)

    def close(self) -> None:
        self.file.close()


class Tape:
    """One file. All methods may be called from any thread; each holds the lock while it works.

    Opening, `append`, `restart` and `reading` raise OSError where the disk or the folder does not let them.
    """

    def __init__(self, path: Path, first_epoch: int, *, bound: float) -> None:
        self.path, self.bound = path, bound
        self._first_epoch = first_epoch
        self._lock = threading.Lock()
        self._file: io.FileIO | None = None
        self._gone = False
        self._grounded = False  # the newest tick that was given is at the end: a change may follow
        self._entries: list[Entry] = []
        self._size = 0

    # Life

    def open(self) -> None:
        """Take up the file, cut at the first record that is not whole; a new one where there is none, or
        where it is of an earlier life of the run."""
        with self._lock:
            self._open()

    def _open(self) -> io.FileIO:
        if self._file is not None:
            return self._file
        try:
            file = io.FileIO(self.path, "r+")
        except FileNotFoundError:
            return self._begin(())
        try:
            found = _scan(file)
            if found is not None and found[0] == self._first_epoch:
                _, self._entries, self._size = found
                file.truncate(self._size)
                self._file = file
                return file
        except BaseException:
            file.close()
            raise
        file.close()
        return self._begin(())

    def _begin(self, records: Iterable[tuple[Entry, bytes]]) -> io.FileIO:
        """A new file with these records in the old one's place."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        entries: list[Entry] = []
        try:
            with io.FileIO(aside, "w") as file:
                start = struct.pack("<I", self._first_epoch)
                size = _write(file, 0, MAGIC + start + struct.pack("<I", zlib.crc32(start)))
                for old, data in records:
                    size += _write(file, size, _pack(old, data))
                    entries.append(replace(old, place=size - len(data)))
                if entries:
                    os.fsync(file.fileno())  # else a power cut could leave the new name with nothing behind it
            self._close()
            os.replace(aside, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise
        self._file, self._entries, self._size = io.FileIO(self.path, "r+"), entries, size
        return self._file

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._entries, self._size, self._grounded = None, [], 0, False

    def restart(self, first_epoch: int) -> None:
        """The run begins anew: no tape, until a tick of that epoch or later comes."""
        with self._lock:
            self._first_epoch = first_epoch
            self._delete()

    def remove(self) -> None:
        """No tape from now on, whatever is still to be written."""
        with self._lock:
            self._gone = True
            self._delete()

    def _delete(self) -> None:
        self._close()
        for path in (self.path, self.path.with_suffix(".new")):
            path.unlink(missing_ok=True)

    # Writing

    @property
    def last(self) -> Entry | None:
        """The newest tick."""
        with self._lock:
            return self._entries[-1] if self._entries else None

    def append(self, kind: int, time: float, epoch: int, offset: int, step: int, data: bytes) -> bool:
        """Write a tick at the end, after thinning where it would not fit.

        Returns:
            False when it was left out: it is of an earlier life of the run, or not newer than the last one, or
            a change with nothing to change, as after opening or when thinning took its ground. A snapshot is
            needed then.

        Raises:
            OSError: as from the system; TapeFullError: the bound is too small for a single tick.
        """
        with self._lock:
            if self._gone or epoch < self._first_epoch:
                return False
            file = self._open()
            if kind != SNAPSHOT and not self._grounded:
                return False
            last = self._entries[-1] if self._entries else None
            if last is not None and (epoch, offset) <= (last.epoch, last.offset):
                return False
            new = Entry(kind, time, epoch, offset, step, self._size + RECORD.size, len(data))
            needed = RECORD.size + len(data)
            if self._size + needed > self.bound:
                self._grounded = self._thin(file, new)
                if self._size + needed > self.bound:
                    raise TapeFullError(
                        f"a tick of this run takes {len(data) / 1e6:.1f} MB and {self.bound / 1e6:.1f} MB are all "
                        "that SUSHIBELT_RECORDING_MB allows"
                    )
                if kind != SNAPSHOT and not self._grounded:
                    return False
                file, new = self._open(), replace(new, place=self._size + RECORD.size)
            try:
                _write(file, self._size, _pack(new, data))
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(self._size)
                raise
            self._entries.append(new)
            self._size += needed
            self._grounded = True
            return True

    def _thin(self, file: io.FileIO, new: Entry) -> bool:
        """Make room for a tick; True when the newest tick stayed."""
        if not self._entries:
            return False
        newest, rows = self._entries[-1], groups(self._entries)
        sizes = [Group(row[0].time, _size(row[:1]), _size(row[1:])) for row in rows]
        room = max(0.0, self.bound - HEAD_BYTES - RECORD.size - new.length)
        plan = thin(sizes, max(new.time, newest.time), room)
        stay = [e for row, keep in zip(rows, plan, strict=True) for e in _kept(row, keep)]
        if len(stay) < len(self._entries):
            self._begin((entry, _read(file, entry.place, entry.length)) for entry in stay)
        return stay[-1] is newest

    # Reading

    @property
    def size(self) -> int:
        """Bytes on disk, also of a tape that nobody opened yet."""
        with self._lock:
            if self._file is not None:
                return self._size
            try:
                return self.path.stat().st_size
            except OSError:
                return 0

    def reading(self) -> Reading | None:
        """The tape as it is now for one who reads it; None while there is none. Changes nothing on disk."""
        with self._lock:
            if self._gone:
                return None
            try:
                file = io.FileIO(self.path)
            except (FileNotFoundError, NotADirectoryError):
                return None
            entries = self._entries
            try:
                if self._file is None:  # only looked at: cutting is for the one who writes
                    found = _scan(file)
                    entries = found[1] if found is not None and found[0] == self._first_epoch else []
            except BaseException:
                file.close()
                raise
            if not entries:
                file.close()
                return None
            return Reading(file, tuple(entries))


def whole(path: Path) -> tuple[io.FileIO, int, int] | None:
    """A tape for one who copies it, also while it grows: the open file, its first epoch, and the bytes up to the end
    of its last whole record. None where there is no tape. To be closed. Raises OSError."""
    try:
        file = io.FileIO(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = _scan(file)
    except BaseException:
        file.close()
        raise
    if found is None:
        file.close()
        return None
    return file, found[0], found[2]


def reason(error: Exception) -> str:
    """What went wrong, without the path: it is told to clients."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


class TapeFullError(OSError):
    """The bound is too small for this run's ticks."""


def groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Ticks in rows that begin with a snapshot. Without a dictionary every tick is a snapshot: those of some
    seconds share a row, so that they thin as changes do."""
    rows: list[list[Entry]] = []
    for entry in entries:
        begins = entry.kind == SNAPSHOT and (
            not rows
            or rows[-1][0].epoch != entry.epoch
            or rows[-1][-1].kind != SNAPSHOT
            or entry.time - rows[-1][0].time >= GROUP_SECONDS
        )
        if begins:
            rows.append([entry])
        else:
            rows[-1].append(entry)
    return rows


def _kept(row: list[Entry], keep: Keep) -> list[Entry]:
    return row if keep is Keep.WHOLE else row[:1] if keep is Keep.HEAD else []


def _size(entries: Sequence[Entry]) -> int:
    return sum(RECORD.size + entry.length for entry in entries)


def _pack(entry: Entry, data: bytes) -> bytes:
    fields = (entry.length, entry.kind, entry.time, entry.epoch, entry.offset, entry.step)
    packed = RECORD.pack(0, *fields)[4:] + data
    return struct.pack("<I", zlib.crc32(packed)) + packed


def _write(file: io.FileIO, place: int, data: bytes) -> int:
    """All of the bytes at that place; how many. Raises OSError."""
    file.seek(place)
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]
    return len(data)


def _read(file: io.FileIO, place: int, length: int) -> bytes:
    """That many bytes from that place, fewer at the end of the file. Raises OSError."""
    file.seek(place)
    parts: list[bytes] = []
    while length and (part := file.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _scan(file: io.FileIO) -> tuple[int, list[Entry], int] | None:
    """First epoch, whole records and where they end; None where not even the beginning is whole."""
    start = _read(file, 0, HEAD_BYTES)
    if len(start) < HEAD_BYTES or start[:8] != MAGIC or START.unpack(start[8:])[1] != zlib.crc32(start[8:12]):
        return None
    entries: list[Entry] = []
    size, at = os.fstat(file.fileno()).st_size, HEAD_BYTES
    while at + RECORD.size <= size:
        head = _read(file, at, RECORD.size)
        crc, length, kind, time, epoch, offset, step = RECORD.unpack(head)
        if at + RECORD.size + length > size or (not entries and kind != SNAPSHOT):
            break
        data = _read(file, at + RECORD.size, length)
        if zlib.crc32(data, zlib.crc32(head[4:])) != crc:
            break
        entries.append(Entry(kind, time, epoch, offset, step, at + RECORD.size, length))
        at += RECORD.size + length
    return START.unpack(start[8:])[0], entries, at
