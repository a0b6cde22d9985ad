"""Image sets by name: the built-in ones, folders registered on this server, and public ones fetched on
demand.

    registry = Registry(data_dir=Path("data"), folders={"cats": Path("/data/cats.zip")})
    cats = registry.load("cats")            # uint8 [N, 3, 32, 32], see trainers.image_set.ImageSet
    sheet = registry.atlas("cats", 0)       # WebP

A request names a set, never a path: paths come only from the operator, through `parse_registration`.
"""

from __future__ import annotations

import io
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from trainers import downloads, folder, image_cache, sushi
from trainers.archives import Source
from trainers.image_set import (
    Empty,
    Hostile,
    ImageError,
    ImageSet,
    Kind,
    Missing,
    NoSuchPage,
    NotDownloaded,
    Progress,
    SetInfo,
    State,
    TooLarge,
    UnknownSet,
    Unreadable,
    make_set,
    square_up,
    to_device,
)

__all__ = [
    "ATLAS_COLUMNS",
    "BUILTIN",
    "PAGE",
    "THUMB",
    "Empty",
    "Hostile",
    "ImageError",
    "ImageSet",
    "Missing",
    "NoSuchPage",
    "NotDownloaded",
    "Registry",
    "SetInfo",
    "TooLarge",
    "UnknownSet",
    "Unreadable",
    "parse_registration",
    "to_device",
]

ATLAS_COLUMNS = 64
THUMB = 32
PAGE = ATLAS_COLUMNS * ATLAS_COLUMNS
"""Pictures on one atlas page: page p holds pictures p * PAGE ... (p+1) * PAGE - 1 of the training set."""

DRAWN = ("sushi", "digits")
BUILTIN = (*DRAWN, *downloads.DOWNLOADS)
_TITLES = {"sushi": "Sushi plates", "digits": "Handwritten digits"}
_SOURCES = {
    "sushi": ("drawn by trainers.sushi", "MIT, as this project"),
    "digits": ("UCI optical digits (Alpaydin and Kaynak 1998), by way of scikit-learn", "CC BY 4.0"),
}
_COUNTS = {"sushi": sushi.TRAIN, "digits": 1_500}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_SHEETS_KEPT = 16


def parse_registration(text: str) -> dict[str, Path]:
    """Reads `name=path,name=path` as SUSHIBELT_IMAGES has it. Raises ValueError with a text for the
    operator.
    """
    folders: dict[str, Path] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, path = (p.strip() for p in part.partition("="))
        if not equals or not path:
            raise ValueError(f"'{part}' is not of the form name=path, as in cats=/data/cats.zip.")
        _check_name(name)
        if name in folders:
            raise ValueError(f"The image set name '{name}' is given twice. Give each path its own name.")
        folders[name] = Path(path).expanduser()
    return folders


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"'{name}' is no name for an image set. Use 1 to 40 small letters, digits, - and _, "
            "beginning with a letter or digit."
        )
    if name in BUILTIN:
        raise ValueError(f"'{name}' is the name of a built-in image set. Choose another.")


class Registry:
    """All image sets this server knows. Every method may be called from any thread."""

    def __init__(self, *, data_dir: Path, folders: Mapping[str, Path] | None = None, size: int = 32) -> None:
        self._cache = data_dir / "images"
        self._downloads = data_dir / "downloads"
        self._folders = dict(folders or {})
        self._size = size
        for name in self._folders:
            _check_name(name)
        self._guard = threading.Lock()
        self._loading = {name: threading.Lock() for name in self.names()}
        self._sets: dict[str, ImageSet] = {}
        self._errors: dict[str, str | None] = {}
        self._sheets: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def names(self) -> list[str]:
        """Built-in sets first, the default `sushi` foremost; then the registered folders in their order."""
        return [*BUILTIN, *self._folders]

    def describe(self, name: str) -> SetInfo:
        """What is known of a set without loading it; says why where it cannot be used. Raises UnknownSet."""
        self._require(name)
        with self._guard:
            loaded = self._sets.get(name)
            checked, error = name in self._errors, self._errors.get(name)
        if loaded is not None:
            return self._info(name, "ready", None, loaded)
        if name in self._folders and not checked:
            error = self._check(name)
        if name in downloads.DOWNLOADS:
            present = downloads.is_present(name, self._downloads)
            return self._info(name, "unloaded" if present else "not_downloaded", error, None)
        return self._info(name, "broken" if error else "unloaded", error, None)

    def check(self) -> list[SetInfo]:
        """Looks at every registered folder anew (there? readable? any picture?) without decoding, and
        describes all.
        """
        for name in self._folders:
            self._check(name)
        return [self.describe(name) for name in self.names()]

    def load(self, name: str, progress: Progress | None = None) -> ImageSet:
        """The set, from memory, from the disk cache or from its source, in that order. Raises ImageError.

        A second caller waits for the first. A failure is not remembered as final: the next call tries again.
        """
        self._require(name)
        with self._loading[name]:
            with self._guard:
                if name in self._sets:
                    return self._sets[name]
            try:
                image_set = self._load(name, progress)
            except ImageError as error:
                with self._guard:
                    self._errors[name] = str(error)
                raise
            with self._guard:
                self._sets[name] = image_set
                self._errors[name] = None
            return image_set

    def atlas(self, name: str, page: int) -> bytes:
        """One sheet of thumbnails as WebP, 64 columns of 32 x 32 pixels, the last page cut after its last
        row.

        Raises NoSuchPage, or what `load` raises.
        """
        image_set = self.load(name)
        pages = _page_count(len(image_set))
        if not 0 <= page < pages:
            raise NoSuchPage(f"Image set '{name}' has {pages} atlas pages; ask for 0 to {pages - 1}.")
        with self._guard:
            if (name, page) in self._sheets:
                self._sheets.move_to_end((name, page))
                return self._sheets[name, page]
        sheet = _sheet(image_set.images[page * PAGE : (page + 1) * PAGE])
        with self._guard:
            self._sheets[name, page] = sheet
            while len(self._sheets) > _SHEETS_KEPT:
                self._sheets.popitem(last=False)
        return sheet

    def _require(self, name: str) -> None:
        if name not in self._loading:
            raise UnknownSet(f"There is no image set '{name}'. Known: {', '.join(self.names())}.")

    def _check(self, name: str) -> str | None:
        error: str | None = None
        try:
            folder.check_folder(self._folders[name])
        except ImageError as problem:
            error = str(problem)
        with self._guard:
            self._errors[name] = error
        return error

    def _load(self, name: str, progress: Progress | None) -> ImageSet:
        path = image_cache.cache_path(self._cache, name, f"{self._size}\0{self._fingerprint(name)}")
        cached = image_cache.read(path)
        if cached is not None:
            return cached
        if name in self._folders:
            image_set = folder.load_folder(name, self._folders[name], self._size, progress)
        elif name in downloads.DOWNLOADS:
            image_set = downloads.load_download(name, self._downloads, self._size, progress)
        elif name == "sushi":
            image_set = _sushi(self._size, progress)
        else:
            image_set = _digits(self._size)
        image_cache.write(path, image_set)
        return image_set

    def _fingerprint(self, name: str) -> str:
        """All that the decoded pictures depend on besides the size."""
        if name in self._folders:
            return Source(self._folders[name]).fingerprint()
        return f"sushi {sushi.VERSION}" if name == "sushi" else name

    def _info(self, name: str, state: State, error: str | None, loaded: ImageSet | None) -> SetInfo:
        kind: Kind = "folder" if name in self._folders else "builtin" if name in DRAWN else "download"
        title = name
        count: int | None = None
        classes: tuple[str, ...] = ()
        source, licence = f"registered on this server: {name}", "as the owner of the files says"
        if name in DRAWN:
            title, count = _TITLES[name], _COUNTS[name]
            source, licence = _SOURCES[name]
            classes = sushi.CLASSES if name == "sushi" else tuple("0123456789")
        elif name in downloads.DOWNLOADS:
            entry = downloads.DOWNLOADS[name]
            title, count, classes = entry.title, entry.count, entry.classes
            source, licence = entry.source, entry.licence
        if loaded is not None:
            title, count, classes = loaded.title, len(loaded), loaded.classes
            source, licence = loaded.source, loaded.licence
        return SetInfo(
            name=name,
            title=title,
            kind=kind,
            state=state,
            error=error,
            count=count,
            classes=classes,
            size=self._size,
            digest=loaded.digest if loaded else None,
            source=source,
            licence=licence,
            page_count=None if count is None else _page_count(count),
            notes=loaded.notes if loaded else (),
        )


def _page_count(count: int) -> int:
    return -(-count // PAGE)


def _sheet(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """uint8 [n, 3, S, S], n <= PAGE, to one WebP sheet."""
    count, _, side, _ = images.shape
    rows = -(-count // ATLAS_COLUMNS)
    cells = np.full((rows * ATLAS_COLUMNS, 3, side, side), 255, np.uint8)
    cells[:count] = images
    grid = cells.reshape(rows, ATLAS_COLUMNS, 3, side, side).transpose(0, 3, 1, 4, 2)
    sheet = Image.fromarray(np.ascontiguousarray(grid).reshape(rows * side, ATLAS_COLUMNS * side, 3))
    if side != THUMB:
        sheet = sheet.resize((ATLAS_COLUMNS * THUMB, rows * THUMB), Image.Resampling.BOX)
    out = io.BytesIO()
    sheet.save(out, "WEBP", quality=80, method=3)
    return out.getvalue()


def _sushi(size: int, progress: Progress | None) -> ImageSet:
    if progress is not None:
        progress(0.0, f"Drawing {sushi.TRAIN + sushi.HELD_OUT:,} plates of sushi, once")
    images, labels = sushi.draw(sushi.TRAIN, seed=0)
    held_images, held_labels = sushi.draw(sushi.HELD_OUT, seed=0, stream=1)
    if size != sushi.SIDE:
        images, held_images = (
            square_up(np.ascontiguousarray(part.transpose(0, 2, 3, 1)), size) for part in (images, held_images)
        )
    source, licence = _SOURCES["sushi"]
    return make_set(
        name="sushi",
        title=_TITLES["sushi"],
        images=images,
        labels=labels,
        classes=sushi.CLASSES,
        held_out=(held_images, held_labels),
        source=source,
        licence=licence,
    )


def _digits(size: int) -> ImageSet:
    """scikit-learn's 1,797 real digits, 8 x 8 in 17 greys; the last 297, from other writers, are held out."""
    from sklearn.datasets import load_digits

    data = load_digits()
    small = np.round(np.asarray(data.images) * (255 / 16)).astype(np.uint8)
    images = square_up(small, size)
    labels = np.asarray(data.target).astype(np.int64)
    cut = _COUNTS["digits"]
    source, licence = _SOURCES["digits"]
    return make_set(
        name="digits",
        title=_TITLES["digits"],
        images=np.ascontiguousarray(images[:cut]),
        labels=labels[:cut],
        classes=tuple("0123456789"),
        held_out=(np.ascontiguousarray(images[cut:]), labels[cut:]),
        source=source,
        licence=licence,
    )
