"""Folder and archive sets: layouts, resizing, forgiveness, and what they refuse."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from picture_files import picture, png_bomb, two_classes, write_folder, write_tar, write_zip
from PIL import Image

from trainers import archive_guards, folder
from trainers.archives import Source
from trainers.folder import arrange, check_folder, decode, load_folder
from trainers.image_set import Empty, Hostile, Missing, TooLarge, Unreadable

Pack = Callable[[Path, dict[str, bytes]], Path]
PACKS: dict[str, Pack] = {
    "folder": lambda at, files: write_folder(at / "set", files),
    "zip": lambda at, files: write_zip(at / "set.zip", files),
    "stored zip": lambda at, files: write_zip(at / "set.zip", files, zipfile.ZIP_STORED),
    "tar": lambda at, files: write_tar(at / "set.tar", files),
    "tar.gz": lambda at, files: write_tar(at / "set.tar.gz", files, "w:gz"),
    "tar.xz": lambda at, files: write_tar(at / "set.tar.xz", files, "w:xz"),
    "tar.bz2": lambda at, files: write_tar(at / "set.tar.bz2", files, "w:bz2"),
}


@pytest.mark.parametrize("pack", PACKS)
def test_every_packing_gives_the_same_set(tmp_path: Path, pack: str) -> None:
    files = two_classes() | {"cat/deep/er/x.jpg": picture(7, form="JPEG"), "notes.txt": b"hello"}
    got = load_folder("pets", PACKS[pack](tmp_path, files), 32)
    assert got.images.shape == (9, 3, 32, 32)
    assert got.classes == ("cat", "dog")
    assert got.labels is not None
    assert got.labels.tolist() == [0] * 5 + [1] * 4
    assert got.held_out is None
    (tmp_path / "again").mkdir()
    assert got.digest == load_folder("other", PACKS["folder"](tmp_path / "again", files), 32).digest


@pytest.mark.parametrize("pack", ["folder", "zip", "tar.gz"])
def test_train_and_test_folders_below_a_common_one(tmp_path: Path, pack: str) -> None:
    files = two_classes(3, "pets-v1/train/") | two_classes(2, "pets-v1/Test/") | {"pets-v1/cover.png": picture()}
    got = load_folder("pets", PACKS[pack](tmp_path, files), 16)
    assert got.images.shape == (6, 3, 16, 16)
    assert got.held_out is not None
    held, labels = got.held_out
    assert held.shape == (4, 3, 16, 16)
    assert labels.tolist() == [0, 0, 1, 1]
    assert got.notes == ("Left out: 1 pictures outside the class folders.",)


def test_loose_pictures_have_no_labels(tmp_path: Path) -> None:
    got = load_folder("loose", write_folder(tmp_path, {f"{i}.png": picture(i) for i in range(3)}), 32)
    assert got.images.shape == (3, 3, 32, 32)
    assert got.labels is None
    assert got.classes == ()
    assert got.held_out is None


@pytest.mark.parametrize(
    ("paths", "train", "held", "classes", "outside"),
    [
        (["a/1.png", "b/2.png"], ["a/1.png", "b/2.png"], [], ("a", "b"), 0),
        (["train/a/1.png", "train/b/1.png"], ["train/a/1.png", "train/b/1.png"], [], ("a", "b"), 0),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/new/1.png"],
         ["train/a/1.png", "train/b/1.png"], ["val/a/1.png"], ("a", "b"), 1),
        (["train/1.png", "test/1.png"], ["train/1.png"], [], (), 1),
        (["a/1.png", "b/1.png", "top.png"], ["a/1.png", "b/1.png"], [], ("a", "b"), 1),
        (["test/1.png", "probe/1.png"], ["probe/1.png", "test/1.png"], [], ("probe", "test"), 0),
    ],
)  # fmt: skip
def test_layouts(paths: list[str], train: list[str], held: list[str], classes: tuple[str, ...], outside: int) -> None:
    layout = arrange(PurePosixPath(p) for p in paths)
    assert [str(p) for p, _ in layout.train] == train
    assert [str(p) for p, _ in layout.held_out] == held
    assert layout.classes == classes
    assert layout.outside == outside


class TestDecoding:
    def test_a_picture_of_the_right_size_keeps_its_pixels(self) -> None:
        wanted = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        out = io.BytesIO()
        Image.fromarray(wanted).save(out, "PNG")
        np.testing.assert_array_equal(decode(out.getvalue(), 32), wanted.transpose(2, 0, 1))

    def test_the_centre_is_cut_from_the_longer_side(self) -> None:
        wide = np.zeros((50, 150, 3), np.uint8)
        wide[:, 50:100] = (200, 100, 50)
        out = io.BytesIO()
        Image.fromarray(wide).save(out, "PNG")
        middle = decode(out.getvalue(), 32)[:, 4:28, 4:28]
        np.testing.assert_array_equal(middle.reshape(3, -1).max(1), (200, 100, 50))
        np.testing.assert_array_equal(middle.reshape(3, -1).min(1), (200, 100, 50))

    def test_shrinking_averages_instead_of_skipping(self) -> None:
        checks = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(checks).save(out, "PNG")
        assert np.abs(decode(out.getvalue(), 32).astype(int) - 127).max() <= 3

    @pytest.mark.parametrize("form", folder.FORMATS)
    def test_every_allowed_format(self, form: str) -> None:
        assert decode(picture(form=form), 32).shape == (3, 32, 32)

    @pytest.mark.parametrize("form", ["PPM", "ICO", "TGA"])
    def test_other_formats_are_refused_by_content(self, form: str) -> None:
        with pytest.raises(Exception, match="cannot identify"):
            decode(picture(form=form), 32)

    def test_transparency_lies_on_white_and_exif_turns(self) -> None:
        out = io.BytesIO()
        Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(out, "PNG")
        assert decode(out.getvalue(), 32).min() == 255
        half = np.zeros((32, 32, 3), np.uint8)
        half[:16] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was held upright: turn clockwise
        out = io.BytesIO()
        Image.fromarray(half).save(out, "PNG", exif=exif)
        turned = decode(out.getvalue(), 32)
        assert turned[:, :, 20:].min() == 255
        assert turned[:, :, :12].max() == 0

    def test_sixteen_bit_grey_keeps_its_range(self) -> None:
        out = io.BytesIO()
        Image.fromarray(np.full((32, 32), 0x8000, np.uint16)).save(out, "PNG")
        np.testing.assert_array_equal(decode(out.getvalue(), 32), np.full((3, 32, 32), 0x80))


class TestBrokenPictures:
    def test_one_among_many_is_left_out_and_said(self, tmp_path: Path) -> None:
        files = two_classes(20) | {"cat/bad.jpg": b"\xff\xd8\xff\xe0 no picture"}
        got = load_folder("pets", write_folder(tmp_path, files), 32)
        assert len(got) == 40
        assert got.notes == ("Left out: 1 broken pictures, such as cat/bad.jpg.",)

    def test_too_many_make_the_set_unreadable(self, tmp_path: Path) -> None:
        files = two_classes(5) | {f"cat/bad{i}.png": b"x" for i in range(4)}
        with pytest.raises(Unreadable, match=r"'pets': 4 of 14 pictures .* cat/bad0.png"):
            load_folder("pets", write_folder(tmp_path, files), 32)

    def test_all_broken(self, tmp_path: Path) -> None:
        with pytest.raises(Unreadable, match="1 of 1"):
            load_folder("pets", write_folder(tmp_path, {"cat/a.png": b""}), 32)

    def test_a_truncated_picture_counts_as_broken(self, tmp_path: Path) -> None:
        files = two_classes(5) | {"cat/cut.jpg": picture(form="JPEG", side=(300, 300))[:600]}
        assert "cat/cut.jpg" in load_folder("pets", write_folder(tmp_path, files), 32).notes[0]


class TestNothingThere:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(Missing, match=r"nowhere does not exist\. Correct the path"):
            check_folder(tmp_path / "nowhere")

    @pytest.mark.parametrize("pack", PACKS)
    def test_empty(self, tmp_path: Path, pack: str) -> None:
        path = PACKS[pack](tmp_path, {"read.me": b"nothing"})
        with pytest.raises(Empty, match="holds no pictures"):
            check_folder(path)
        with pytest.raises(Empty, match="holds no pictures"):
            load_folder("x", path, 32)

    def test_a_file_that_is_no_archive(self, tmp_path: Path) -> None:
        path = tmp_path / "set.zip"
        path.write_bytes(b"this is a text")
        with pytest.raises(Unreadable, match="no zip or tar archive"):
            check_folder(path)

    def test_gzip_of_something_else(self, tmp_path: Path) -> None:
        import gzip

        path = tmp_path / "set.tar.gz"
        path.write_bytes(gzip.compress(b"words " * 500))
        with pytest.raises(Unreadable, match="damaged or no zip or tar"):
            check_folder(path)

    @pytest.mark.parametrize("pack", ["zip", "tar.gz", "tar.xz", "tar.bz2", "tar"])
    def test_an_archive_that_was_cut_off(self, tmp_path: Path, pack: str) -> None:
        files = {f"cat/{i}.png": picture(i, (200, 200)) for i in range(8)}
        path = PACKS[pack](tmp_path, files)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(Unreadable, match=r"damaged|cannot be read"):
            load_folder("x", path, 32)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_neither_opened_nor_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(Empty):
            check_folder(tmp_path)
        with pytest.raises(Unreadable, match="neither a folder nor a file"):
            check_folder(tmp_path / "pipe.png")

    @pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows has other permissions")
    def test_a_folder_without_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = write_folder(tmp_path / "closed", two_classes(1))
        closed.chmod(0)
        tmp_path.chmod(0o755)
        monkeypatch.chdir(tmp_path)  # the folders above it are closed, too, to anyone else
        me = os.geteuid()
        os.seteuid(me or 65534)  # root may read everything, so nobody looks
        try:
            with pytest.raises(Unreadable, match="may not be read"):
                check_folder(Path("closed"))
        finally:
            os.seteuid(me)
            closed.chmod(0o755)

    def test_permission_denied_is_said_plainly(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def deny(path: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "scandir", deny)
        with pytest.raises(Unreadable, match="may not be read by this user"):
            check_folder(tmp_path)


class TestHostile:
    @pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/up.png", "..\\up.png", "C:/up.png"])
    @pytest.mark.parametrize("pack", ["zip", "tar"])
    def test_a_member_that_leaves_the_archive(self, tmp_path: Path, name: str, pack: str) -> None:
        path = PACKS[pack](tmp_path, two_classes(2) | {name: picture()})
        with pytest.raises(Hostile, match="leaves the archive"):
            load_folder("x", path, 32)
        assert not list(tmp_path.parent.glob("up.png"))

    def test_links_and_devices_in_a_tar_are_left_out(self, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "set.tar", two_classes(3))
        with tarfile.open(path, "a") as archive:
            for name, kind in (("sym", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("dev", tarfile.CHRTYPE)):
                info = tarfile.TarInfo(f"cat/{name}.png")
                info.type, info.linkname = kind, "/etc/passwd"
                archive.addfile(info)
        got = load_folder("x", path, 32)
        assert len(got) == 6
        assert got.notes == ("Left out: 3 links and devices.",)

    def test_links_in_a_zip_are_left_out(self, tmp_path: Path) -> None:
        path = write_zip(tmp_path / "set.zip", two_classes(3))
        with zipfile.ZipFile(path, "a") as archive:
            info = zipfile.ZipInfo("cat/sym.png")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
        got = load_folder("x", path, 32)
        assert len(got) == 6
        assert got.notes == ("Left out: 1 links and devices.",)

    def test_links_in_a_folder_are_not_followed(self, tmp_path: Path) -> None:
        secret = write_folder(tmp_path / "secret", two_classes(2))
        root = write_folder(tmp_path / "set", two_classes(2))
        try:
            (root / "cat" / "link.png").symlink_to(secret / "cat" / "000.png")
            (root / "stolen").symlink_to(secret)
        except OSError:
            pytest.skip("this system does not let us make links")
        got = load_folder("x", root, 32)
        assert len(got) == 4
        assert got.notes == ("Left out: 2 links, which are not followed.",)

    @pytest.mark.parametrize("side", [9_000, 50_000])
    def test_a_picture_that_says_it_is_enormous(self, tmp_path: Path, side: int) -> None:
        bomb = png_bomb(side, side)
        assert len(bomb) < 2_000
        path = write_zip(tmp_path / "set.zip", two_classes(2) | {"cat/bomb.png": bomb})
        with pytest.raises(TooLarge, match=r"'x': cat/bomb.png .* one picture is 64,000,000 pixels"):
            load_folder("x", path, 32)

    @pytest.mark.parametrize("pack", ["folder", "zip", "tar.gz"])
    def test_a_picture_file_over_the_limit(self, tmp_path: Path, pack: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive_guards, "MAX_PICTURE_BYTES", 2**20)
        path = PACKS[pack](tmp_path, two_classes(2) | {"cat/big.png": bytes(2**20 + 1)})
        with pytest.raises(TooLarge, match=r"cat/big.png has more than 1 MiB"):
            load_folder("x", path, 32)

    @pytest.mark.parametrize(("declared", "count"), [(10, 20), (2**31, 21)])
    def test_a_zip_that_lies_about_sizes(self, tmp_path: Path, declared: int, count: int) -> None:
        """Too small: the checksum fails, a broken picture. Too large: only what is really there is read."""
        path = write_zip(tmp_path / "set.zip", two_classes(10) | {"cat/lie.png": picture(5)})
        raw = bytearray(path.read_bytes())
        for mark, size_at, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
            at = raw.find(mark)
            while at >= 0 and raw[at + name_at : at + name_at + 11] != b"cat/lie.png":
                at = raw.find(mark, at + 1)
            struct.pack_into("<L", raw, at + size_at, declared)
        path.write_bytes(raw)
        got = load_folder("x", path, 32)
        assert len(got) == count
        assert ("cat/lie.png" in str(got.notes)) == (count == 20)

    @pytest.mark.parametrize("pack", ["zip", "tar.gz", "tar.xz", "tar.bz2"])
    def test_an_archive_bomb_is_stopped_by_what_it_really_gives(
        self, tmp_path: Path, pack: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archive_guards, "RATIO_FLOOR", 8 * 2**20)
        path = PACKS[pack](tmp_path, {f"cat/{i}.bmp": bytes(2**20) for i in range(24)})
        assert path.stat().st_size < 200_000
        with pytest.raises(Hostile, match="more than 200 times its size"):
            load_folder("x", path, 32)

    @pytest.mark.parametrize("pack", ["zip", "tar"])
    def test_total_bytes_are_bounded(self, tmp_path: Path, pack: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive_guards, "MAX_TOTAL_BYTES", 20_000)
        path = PACKS[pack](tmp_path, {f"cat/{i}.png": picture(i, (100, 100)) for i in range(9)})
        with pytest.raises(TooLarge, match="unpacks to more than"):
            load_folder("x", path, 32)

    @pytest.mark.parametrize("pack", ["folder", "zip", "tar"])
    @pytest.mark.parametrize("limit", ["MAX_PICTURES", "MAX_ENTRIES"])
    def test_counts_are_bounded(self, tmp_path: Path, pack: str, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive_guards, limit, 5)
        with pytest.raises(TooLarge, match=r"5(,| pictures| entries|\.).*Register a part"):
            load_folder("x", PACKS[pack](tmp_path, two_classes(4)), 32)

    @pytest.mark.parametrize("pack", ["folder", "zip", "tar"])
    def test_depth_is_bounded(self, tmp_path: Path, pack: str) -> None:
        deep = "/".join(["d"] * 40) + "/x.png"
        with pytest.raises(TooLarge, match="deeper than 32 folders"):
            load_folder("x", PACKS[pack](tmp_path, two_classes(1) | {deep: picture()}), 32)

    def test_an_enormous_tar_header_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "set.tar"
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 * 2**30
        path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
        with pytest.raises(Hostile, match="header of 8,589,934,592 bytes"):
            check_folder(path)

    def test_an_enormous_zip_index_is_not_read(self, tmp_path: Path) -> None:
        path = write_zip(tmp_path / "set.zip", two_classes(1))
        raw = bytearray(path.read_bytes())
        struct.pack_into("<L", raw, raw.rfind(b"PK\x05\x06") + 12, 2**31)
        path.write_bytes(raw)
        with pytest.raises(TooLarge, match="index of 2,147,483,648 bytes"):
            check_folder(path)

    def test_an_encrypted_zip(self, tmp_path: Path) -> None:
        path = write_zip(tmp_path / "set.zip", {"cat/a.png": picture()})
        raw = bytearray(path.read_bytes())
        for mark, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            raw[raw.find(mark) + flags_at] |= 1
        path.write_bytes(raw)
        with pytest.raises(Unreadable, match="encrypted"):
            check_folder(path)

    def test_rare_zip_compressions_are_refused(self, tmp_path: Path) -> None:
        # zipfile unpacks bzip2 and lzma members without a bound on what one read may give.
        path = write_zip(tmp_path / "set.zip", two_classes(1), zipfile.ZIP_BZIP2)
        with pytest.raises(Unreadable, match="rare compression"):
            check_folder(path)


def test_the_fingerprint_follows_the_files(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", two_classes(2))
    before = Source(root).fingerprint()
    assert before == Source(root).fingerprint()
    (root / "cat" / "new.png").write_bytes(picture(9))
    assert before != Source(root).fingerprint()


def test_progress_is_told(tmp_path: Path) -> None:
    said: list[tuple[float, str]] = []
    load_folder("x", write_folder(tmp_path, two_classes(4)), 32, lambda share, text: said.append((share, text)))
    assert said[-1][1] == "x: 8 pictures read"
    assert all(0 <= share <= 1 for share, _ in said)


def test_real_pictures_read_the_same_from_a_folder_and_an_archive(tmp_path: Path) -> None:
    at = os.environ.get("SUSHIBELT_TEST_CIFAR")
    if not at:
        pytest.skip("SUSHIBELT_TEST_CIFAR does not name an unpacked folder of CIFAR-10 as image files")
    files = {
        str(p.relative_to(at)): p.read_bytes()
        for split, keep in (("train", 20), ("test", 5))
        for folder_ in sorted((Path(at) / split).iterdir())
        for p in sorted(folder_.iterdir())[:keep]
    }
    a = load_folder("a", write_folder(tmp_path / "set", files), 32)
    b = load_folder("b", write_tar(tmp_path / "set.tar.xz", files, "w:xz"), 32)
    assert a.digest == b.digest
    assert len(a) == 200
    assert a.held_out is not None
    assert len(a.held_out[0]) == 50
    assert len(a.classes) == 10
