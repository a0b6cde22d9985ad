"""Image sets on disk, decoded: a set is read from its source once, and then in a fraction of a second.

One file a set, `<name>-<key>.npz`, uncompressed. It is written aside, flushed and renamed, so a crash
leaves the old file or the new one; its zip checksums are verified while reading, so a torn file is found
and built again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from trainers.image_set import ImageSet

FORMAT = 1
"""Raise it when the file's layout or the decoding changes: old files are then not read any more."""

_log = logging.getLogger(__name__)
_ARRAYS = ("images", "labels", "held_out_images", "held_out_labels")


def cache_path(folder: Path, name: str, fingerprint: str) -> Path:
    """Where the set with this source lies. The fingerprint is all that the pictures depend on."""
    key = hashlib.sha256(f"{FORMAT}\0{name}\0{fingerprint}".encode()).hexdigest()[:16]
    return folder / f"{name}-{key}.npz"


def read(path: Path) -> ImageSet | None:
    """The set, or None if the file is absent, torn or not ours; such a file is then written anew."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in _ARRAYS if key in stored.files}
            meta = json.loads(bytes(stored["meta"]).decode())
        held_out = None
        if "held_out_images" in arrays:
            held_out = (arrays["held_out_images"], arrays["held_out_labels"])
        meta["classes"], meta["notes"] = tuple(meta["classes"]), tuple(meta["notes"])
        return ImageSet(images=arrays["images"], labels=arrays.get("labels"), held_out=held_out, **meta)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        _log.warning("The cached image set %s is damaged and will be built again: %s", path.name, error)
        return None


def write(path: Path, image_set: ImageSet) -> None:
    """Stores the set and removes older files of the same name. A full disk costs the cache, not the set."""
    arrays: dict[str, Any] = {"images": image_set.images, "labels": image_set.labels}
    if image_set.held_out is not None:
        arrays["held_out_images"], arrays["held_out_labels"] = image_set.held_out
    fields = ("name", "title", "classes", "source", "licence", "digest", "notes")
    meta = json.dumps({key: getattr(image_set, key) for key in fields}).encode()
    present = {key: array for key, array in arrays.items() if array is not None}
    aside: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, meta=np.frombuffer(meta, np.uint8), **present)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        _log.warning("Image set %s could not be cached in %s: %s", image_set.name, path.parent, error)
        if aside is not None:
            with contextlib.suppress(OSError):
                os.unlink(aside)
        return
    _remove_older(path, image_set.name)


def _remove_older(path: Path, name: str) -> None:
    """Keeps one file a name, so that a folder that changes daily does not fill the disk."""
    ours = re.compile(rf"\.?{re.escape(name)}-[0-9a-f]{{16}}(\.npz|\..*\.part)")
    for other in path.parent.iterdir():
        if other != path and ours.fullmatch(other.name):
            with contextlib.suppress(OSError):
                other.unlink()
