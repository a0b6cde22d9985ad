"""The registry: names, descriptions, loading once, the disk cache, the atlas, downloads without a network."""

from __future__ import annotations

import io
import threading
import urllib.error
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from picture_files import two_classes, write_folder
from PIL import Image

from trainers import downloads, folder, image_cache, images, sushi
from trainers.image_set import ImageSet, make_set, square_up
from trainers.images import (
    ImageError,
    Missing,
    NoSuchPage,
    NotDownloaded,
    Registry,
    UnknownSet,
    Unreadable,
    parse_registration,
    to_device,
)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "pets", two_classes(20))


@pytest.fixture
def registry(tmp_path: Path, pets: Path) -> Registry:
    return Registry(data_dir=tmp_path / "data", folders={"pets": pets, "gone": tmp_path / "gone"})


class TestRegistration:
    def test_names_and_paths(self) -> None:
        got = parse_registration(" cats=/data/cats.zip, dogs = /d=e ,")
        assert got == {"cats": Path("/data/cats.zip"), "dogs": Path("/d=e")}
        assert parse_registration("") == {}

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("cats", "'cats' is not of the form name=path"),
            ("cats=", "not of the form"),
            ("=/d", "'' is no name"),
            ("Cats=/d", "'Cats' is no name"),
            ("a/b=/d", "no name for an image set"),
            ("../x=/d", "no name for an image set"),
            ("a" * 41 + "=/d", "no name for an image set"),
            ("cats=/a,cats=/b", "given twice"),
            ("sushi=/a", "built-in"),
            ("cifar10=/a", "built-in"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: str, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            parse_registration(text)


class TestCatalog:
    def test_a_broken_folder_is_described_and_the_rest_works(self, registry: Registry) -> None:
        described = {info.name: info for info in registry.check()}
        assert list(described) == [
            "sushi", "digits", "cifar10", "stl10", "fashion_mnist", "svhn", "pets", "gone",
        ]  # fmt: skip
        assert described["gone"].state == "broken"
        assert "does not exist" in str(described["gone"].error)
        assert described["pets"].state == "unloaded"
        assert described["pets"].error is None
        assert described["sushi"].count == sushi.TRAIN
        assert described["sushi"].page_count == 2
        assert described["cifar10"].state == "not_downloaded"
        assert len(registry.load("pets")) == 40
        info = registry.describe("pets")
        assert (info.state, info.count, info.classes, info.page_count) == ("ready", 40, ("cat", "dog"), 1)
        assert info.digest == registry.load("pets").digest

    def test_describing_alone_finds_a_broken_folder(self, registry: Registry) -> None:
        assert registry.describe("gone").state == "broken"

    def test_a_folder_that_appears_later_is_found(self, registry: Registry, tmp_path: Path) -> None:
        with pytest.raises(Missing):
            registry.load("gone")
        write_folder(tmp_path / "gone", two_classes(2))
        assert len(registry.load("gone")) == 4
        assert registry.describe("gone").state == "ready"

    def test_unknown_names(self, registry: Registry) -> None:
        for call in (registry.describe, registry.load, lambda name: registry.atlas(name, 0)):
            with pytest.raises(UnknownSet, match=r"no image set '../pets'\. Known: sushi") as caught:
                call("../pets")
            assert isinstance(caught.value, KeyError)
            assert isinstance(caught.value, ImageError)
            assert not str(caught.value).startswith("'There")  # not the repr that KeyError prints

    def test_a_bad_name_is_refused_by_the_registry_too(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="no name"):
            Registry(data_dir=tmp_path, folders={"a/b": tmp_path})


class TestLoading:
    def test_once_for_many_callers(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[str] = []
        real = folder.load_folder

        def counted(name: str, *rest: Any) -> ImageSet:
            calls.append(name)
            return real(name, *rest)

        monkeypatch.setattr(folder, "load_folder", counted)
        got: list[ImageSet] = []
        threads = [threading.Thread(target=lambda: got.append(registry.load("pets"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert calls == ["pets"]
        assert len({id(s) for s in got}) == 1

    def test_digits_are_real_and_upright(self, registry: Registry) -> None:
        digits = registry.load("digits")
        assert digits.images.shape == (1500, 3, 32, 32)
        assert digits.held_out is not None
        assert digits.held_out[0].shape == (297, 3, 32, 32)
        assert digits.labels is not None
        zero = digits.images[digits.labels == 0].mean(0)[0]
        assert zero[14:18, 14:18].mean() < 60 < zero[14:18, 6:12].mean()  # a hole and a stroke

    def test_on_the_device_as_uint8(self, registry: Registry) -> None:
        pets = registry.load("pets")
        tensor = to_device(pets, torch.device("cpu"))
        assert tensor.dtype == torch.uint8
        assert tensor.shape == (40, 3, 32, 32)
        np.testing.assert_array_equal(tensor.numpy(), pets.images)
        tensor.zero_()
        assert pets.images.any()


def same(a: ImageSet, b: ImageSet) -> None:
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(np.asarray(a.labels), np.asarray(b.labels))
    assert (a.digest, a.classes, a.notes, a.title) == (b.digest, b.classes, b.notes, b.title)
    assert (a.held_out is None) == (b.held_out is None)


class TestCache:
    def files(self, tmp_path: Path) -> list[Path]:
        return sorted((tmp_path / "data" / "images").iterdir())

    def test_a_second_server_reads_the_cache(
        self, registry: Registry, tmp_path: Path, pets: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = registry.load("pets")

        def never(*_: object) -> ImageSet:
            raise AssertionError("decoded again")

        monkeypatch.setattr(folder, "load_folder", never)
        again = Registry(data_dir=tmp_path / "data", folders={"pets": pets}).load("pets")
        same(first, again)
        assert again.images.flags.c_contiguous

    @pytest.mark.parametrize("harm", ["cut", "flip", "garbage", "empty"])
    def test_a_torn_file_is_built_again(self, registry: Registry, tmp_path: Path, pets: Path, harm: str) -> None:
        first = registry.load("pets")
        (path,) = self.files(tmp_path)
        raw = bytearray(path.read_bytes())
        if harm == "flip":
            raw[len(raw) // 2] ^= 0xFF
        path.write_bytes(
            {"cut": bytes(raw[: len(raw) // 2]), "flip": bytes(raw), "garbage": b"x" * 99, "empty": b""}[harm]
        )
        same(first, Registry(data_dir=tmp_path / "data", folders={"pets": pets}).load("pets"))
        assert image_cache.read(path) is not None

    def test_a_changed_folder_replaces_its_file(self, registry: Registry, tmp_path: Path, pets: Path) -> None:
        registry.load("pets")
        (before,) = self.files(tmp_path)
        write_folder(pets, {"cat/more.png": (pets / "dog" / "000.png").read_bytes()})
        assert len(Registry(data_dir=tmp_path / "data", folders={"pets": pets}).load("pets")) == 41
        (after,) = self.files(tmp_path)
        assert before != after

    def test_sets_of_similar_names_keep_their_files(self, tmp_path: Path, pets: Path) -> None:
        sets = Registry(data_dir=tmp_path / "data", folders={"pets": pets, "pets-2": pets})
        sets.load("pets-2")
        sets.load("pets")
        assert len(self.files(tmp_path)) == 2

    def test_without_room_on_the_disk_the_set_still_loads(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "savez", full)
        assert len(registry.load("pets")) == 40
        assert self.files(tmp_path) == []


class TestAtlas:
    def big(self, registry: Registry, count: int) -> ImageSet:
        pictures = np.random.default_rng(0).integers(0, 256, (count, 3, 4, 4), np.uint8)
        made = make_set(
            name="pets", title="t", images=pictures.repeat(8, 2).repeat(8, 3), labels=None, classes=(),
            held_out=None, source="", licence="",
        )  # fmt: skip
        registry._sets["pets"] = made
        return made

    def test_every_picture_lies_in_its_cell(self, registry: Registry) -> None:
        made = self.big(registry, images.PAGE + 130)
        assert registry.describe("pets").page_count == 2
        first = Image.open(io.BytesIO(registry.atlas("pets", 0)))
        last = Image.open(io.BytesIO(registry.atlas("pets", 1)))
        assert first.format == last.format == "WEBP"
        assert first.size == (2048, 2048)
        assert last.size == (2048, 3 * 32)
        for sheet, indices, start in ((first, (0, 63, 64, 4095), 0), (last, (0, 129), images.PAGE)):
            pixels = np.asarray(sheet.convert("RGB")).astype(int)
            for i in indices:
                row, column = divmod(i, 64)
                cell = pixels[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32].transpose(2, 0, 1)
                errors = [np.abs(cell - made.images[j]).mean() for j in (start + i, (start + i + 1) % len(made))]
                assert errors[0] < 14 < 40 < errors[1]

    def test_the_same_bytes_each_time(self, registry: Registry) -> None:
        assert registry.atlas("pets", 0) is registry.atlas("pets", 0)

    @pytest.mark.parametrize("page", [-1, 1, 10**9])
    def test_pages_that_are_not_there(self, registry: Registry, page: int) -> None:
        with pytest.raises(NoSuchPage, match="has 1 atlas pages"):
            registry.atlas("pets", page)

    def test_a_set_that_cannot_load(self, registry: Registry) -> None:
        with pytest.raises(Missing):
            registry.atlas("gone", 0)


class TestDownloads:
    @pytest.fixture(autouse=True)
    def no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise urllib.error.URLError("network is unreachable")

        monkeypatch.setattr("urllib.request.urlopen", refuse)

    @pytest.mark.parametrize("name", list(downloads.DOWNLOADS))
    def test_without_a_network_the_folder_is_named(self, registry: Registry, tmp_path: Path, name: str) -> None:
        with pytest.raises(NotDownloaded) as caught:
            registry.load(name)
        text = str(caught.value)
        assert str(tmp_path / "data" / "downloads") in text
        assert "network is unreachable" in text
        assert downloads.DOWNLOADS[name].files[0] in text
        info = registry.describe(name)
        assert info.state == "not_downloaded"
        assert info.error == text

    def test_damaged_files_are_said(self, registry: Registry, tmp_path: Path) -> None:
        for file in ("train_32x32.mat", "test_32x32.mat"):
            write_folder(tmp_path / "data" / "downloads", {file: b"half a file"})
        assert registry.describe("svhn").state == "unloaded"
        with pytest.raises(NotDownloaded, match="remove what is damaged"):
            registry.load("svhn")

    def test_what_torchvision_gives_becomes_a_set(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        """CIFAR-10's layout, torchvision's class replaced: its own files must match fixed checksums."""
        rng = np.random.default_rng(0)

        def fake(root: str, *, train: bool, download: bool) -> SimpleNamespace:
            if not download:
                raise RuntimeError("Dataset not found or corrupted.")
            count = 20 if train else 6
            return SimpleNamespace(
                data=rng.integers(0, 256, (count, 32, 32, 3), np.uint8),
                targets=[i % 10 for i in range(count)],
            )

        monkeypatch.setattr("torchvision.datasets.CIFAR10", fake)
        monkeypatch.setattr(downloads, "_preflight", lambda url: None)
        said: list[str] = []
        got = registry.load("cifar10", lambda share, text: said.append(text))
        assert got.images.shape == (20, 3, 32, 32)
        assert got.held_out is not None
        assert got.held_out[0].shape == (6, 3, 32, 32)
        assert got.labels is not None
        assert got.labels.dtype == np.int64
        assert got.classes[3] == "cat"
        assert any("fetching 170 MB" in line for line in said)
        assert registry.describe("cifar10").state == "ready"

    def test_the_layouts_of_the_four_sets(self) -> None:
        rng = np.random.default_rng(0)
        chw = rng.integers(0, 256, (2, 3, 96, 96), np.uint8)
        pictures, labels = downloads.as_split(chw, np.array([1, 2], np.uint8))
        assert pictures.shape == (2, 96, 96, 3)
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(pictures[0, :, :, 1], chw[0, 1])
        assert square_up(pictures, 32).shape == (2, 3, 32, 32)
        grey, _ = downloads.as_split(torch.zeros(2, 28, 28, dtype=torch.uint8) + 9, torch.tensor([0, 1]))
        bordered = square_up(grey, 32)
        assert bordered.shape == (2, 3, 32, 32)
        assert (bordered == 9).all()


def test_unreadable_is_not_remembered_for_ever(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", {"cat/a.png": b"no"})
    sets = Registry(data_dir=tmp_path / "data", folders={"x": root})
    with pytest.raises(Unreadable):
        sets.load("x")
    assert sets.describe("x").state == "broken"
    write_folder(
        root,
        two_classes(1) | {"cat/a.png": (write_folder(tmp_path, two_classes(1)) / "cat/000.png").read_bytes()},
    )
    assert len(sets.load("x")) == 3
