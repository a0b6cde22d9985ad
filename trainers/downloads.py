"""Public image sets through torchvision.datasets, fetched on first use into one folder.

torchvision verifies every file by MD5, so what is on disk is either right or reported. Files may also be
put there by hand: the archives as their authors publish them are enough.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.image_set import ImageSet, NotDownloaded, Progress, make_set, square_up

PREFLIGHT_SECONDS = 15.0
"""How long to wait for the first server before saying that there is no network."""

Split = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Download:
    """A public set: where it comes from, what it weighs, and how its two splits are asked of torchvision.

    files: the archives, relative to the downloads folder; present: what shows that it is already there.
    """

    name: str
    title: str
    source: str
    licence: str
    url: str
    files: tuple[str, ...]
    present: tuple[str, ...]
    download_bytes: int
    count: int
    classes: tuple[str, ...]
    splits: Callable[[Path, bool], tuple[Split, Split]]


def _cifar10(root: Path, download: bool) -> tuple[Split, Split]:
    from torchvision.datasets import CIFAR10

    return _pair(*(CIFAR10(str(root), train=train, download=download) for train in (True, False)), key="targets")


def _fashion_mnist(root: Path, download: bool) -> tuple[Split, Split]:
    from torchvision.datasets import FashionMNIST

    sets = (FashionMNIST(str(root), train=train, download=download) for train in (True, False))
    return _pair(*sets, key="targets")


def _svhn(root: Path, download: bool) -> tuple[Split, Split]:
    from torchvision.datasets import SVHN

    return _pair(*(SVHN(str(root), split=split, download=download) for split in ("train", "test")), key="labels")


def _stl10(root: Path, download: bool) -> tuple[Split, Split]:
    from torchvision.datasets import STL10

    return _pair(*(STL10(str(root), split=split, download=download) for split in ("train", "test")), key="labels")


def _pair(train: Any, test: Any, *, key: str) -> tuple[Split, Split]:
    """The arrays inside two torchvision datasets, pictures as [N, H, W] or [N, H, W, 3]."""
    return (as_split(train.data, getattr(train, key)), as_split(test.data, getattr(test, key)))


def as_split(data: Any, targets: Any) -> Split:
    """Pictures in any of torchvision's layouts to uint8 [N, H, W(, 3)], and labels to int64 [N]."""
    pictures = np.asarray(data, dtype=np.uint8)
    if pictures.ndim == 4 and pictures.shape[1] == 3:
        pictures = pictures.transpose(0, 2, 3, 1)
    return pictures, np.asarray(targets).astype(np.int64)


_TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DOWNLOADS: dict[str, Download] = {
    d.name: d
    for d in (
        Download(
            "cifar10",
            "CIFAR-10",
            "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
            "not stated by its authors; research use",
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            ("cifar-10-python.tar.gz",),
            ("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/test_batch"),
            170_498_071,
            50_000,
            _TEN,
            _cifar10,
        ),
        Download(
            "stl10",
            "STL-10 (labelled part)",
            "Coates 2011, https://cs.stanford.edu/~acoates/stl10/",
            "not stated by its authors; research use",
            "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
            ("stl10_binary.tar.gz",),
            ("stl10_binary/train_X.bin", "stl10_binary/test_X.bin"),
            2_640_397_119,
            5_000,
            ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
            _stl10,
        ),
        Download(
            "fashion_mnist",
            "Fashion-MNIST",
            "Xiao 2017, https://github.com/zalandoresearch/fashion-mnist",
            "MIT",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",
            tuple(
                f"FashionMNIST/raw/{part}-ubyte.gz"
                for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
            ),
            ("FashionMNIST/raw/train-images-idx3-ubyte", "FashionMNIST/raw/t10k-images-idx3-ubyte"),
            30_878_645,
            60_000,
            (
                "T-shirt/top",
                "trouser",
                "pullover",
                "dress",
                "coat",
                "sandal",
                "shirt",
                "sneaker",
                "bag",
                "ankle boot",
            ),
            _fashion_mnist,
        ),
        Download(
            "svhn",
            "Street View House Numbers",
            "Netzer 2011, http://ufldl.stanford.edu/housenumbers/",
            "non-commercial use only",
            "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
            ("train_32x32.mat", "test_32x32.mat"),
            ("train_32x32.mat", "test_32x32.mat"),
            246_316_238,
            73_257,
            tuple("0123456789"),
            _svhn,
        ),
    )
}


def is_present(name: str, folder: Path) -> bool:
    """Whether the files lie there, unpacked or as archives; they are not verified before loading."""
    wanted = DOWNLOADS[name]
    return any(all((folder / file).is_file() for file in files) for files in (wanted.present, wanted.files))


def load_download(name: str, folder: Path, size: int, progress: Progress | None = None) -> ImageSet:
    """Loads a public set from `folder`, fetching it first when it is not there. Raises NotDownloaded."""
    wanted = DOWNLOADS[name]
    say = progress or (lambda share, text: None)
    say(0.0, f"{wanted.title}: looking in {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            splits = wanted.splits(folder, False)
        except (RuntimeError, FileNotFoundError):
            if not is_present(name, folder):
                _preflight(wanted.url)
            say(0.0, f"{wanted.title}: fetching {wanted.download_bytes / 1e6:,.0f} MB")
            with _watch(folder, wanted, say):
                splits = wanted.splits(folder, True)
    except Exception as error:
        # torchvision raises nearly anything here: runtime, URL, pickle, tar and scipy errors.
        raise NotDownloaded(
            f"{wanted.title} is not on this machine and could not be fetched ({_brief(error)}). "
            f"Put {', '.join(wanted.files)} into {folder}, or remove what is damaged there, and try again."
        ) from error
    say(0.9, f"{wanted.title}: converting")
    (pictures, labels), (held_pictures, held_labels) = splits
    image_set = make_set(
        name=name,
        title=wanted.title,
        images=square_up(pictures, size),
        labels=labels,
        classes=wanted.classes,
        held_out=(square_up(held_pictures, size), held_labels),
        source=wanted.source,
        licence=wanted.licence,
    )
    say(1.0, f"{wanted.title}: {len(image_set):,} pictures")
    return image_set


def _preflight(url: str) -> None:
    """torchvision waits for ever on a silent network: ask once, with a limit, whether anybody answers."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "sushibelt"})
    try:
        with urllib.request.urlopen(request, timeout=PREFLIGHT_SECONDS):
            return
    except urllib.error.HTTPError:
        return  # somebody answered; let torchvision and its mirrors try


@contextmanager
def _watch(folder: Path, wanted: Download, say: Progress) -> Iterator[None]:
    """Reports how much of the files has arrived, twice a second, while torchvision fetches them."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            have = 0
            for file in wanted.files:
                path = folder / file
                have += path.stat().st_size if path.is_file() else 0
            share = min(1.0, have / wanted.download_bytes)
            say(0.9 * share, f"{wanted.title}: {have / 1e6:,.0f} of {wanted.download_bytes / 1e6:,.0f} MB")

    watcher = threading.Thread(target=look, name=f"watch-{wanted.name}", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
