"""What a backup holds: an uncompressed tar of these members, the manifest last, so that a torn file has none.

sushibelt.db                                a SQLite database of one moment
checkpoints/<run>/<name>.safetensors
recordings/<run>.tape
manifest.json                               the sizes and SHA-256 of all others
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMAT = 1
DATABASE = "sushibelt.db"
MANIFEST = "manifest.json"
MANIFEST_BYTES = 256 << 20
MEMBER = re.compile(
    r"sushibelt\.db|checkpoints/[A-Za-z0-9][A-Za-z0-9-]{0,59}/[A-Za-z0-9-]{1,100}\.safetensors"
    r"|recordings/[A-Za-z0-9][A-Za-z0-9-]{0,59}\.tape"
)
"""Every name that may be restored: no other folder, no `..`, no absolute path."""


class BackupError(Exception):
    """It cannot be done; the message says why and what to do, in one line."""


class FileEntry(BaseModel):
    """One member: bytes and SHA-256 as hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """`database` says postgresql where the file holds no database, only what lies beside it."""

    kind: Literal["sushibelt backup"] = "sushibelt backup"
    format: int = FORMAT
    version: str
    date: str
    database: Literal["sqlite", "postgresql"]
    revision: str | None = Field(description="Of the tables; null where the database is not in the file.")
    runs: int
    files: dict[str, FileEntry]
    left_out: list[str] = Field(description="Checkpoints that were gone when they were to be copied.")


class Digest:
    """SHA-256 and length of what passes through."""

    def __init__(self) -> None:
        self._hash, self.size = hashlib.sha256(), 0

    def add(self, data: bytes) -> None:
        self._hash.update(data)
        self.size += len(data)

    @property
    def entry(self) -> FileEntry:
        return FileEntry(size=self.size, sha256=self._hash.hexdigest())


def parse(data: bytes, name: str) -> Manifest:
    """The manifest of the backup called `name`.

    Raises:
        BackupError: it is none, or of a later format.
    """
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "it"
        raise BackupError(f"{name} is not a Sushibelt backup: in its manifest {where} is wrong") from None
    if found.format > FORMAT:
        raise BackupError(f"{name} was made by a newer Sushibelt ({found.version}); update this one")
    return found
