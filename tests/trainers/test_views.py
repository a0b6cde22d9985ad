"""Views are functions of (image, seed, settings); what is switched off is off."""

from __future__ import annotations

import numpy as np
import torch

from trainers.hashing import Seeds, host_uniforms, mix, uniforms, view_seeds
from trainers.sampling import Sampler
from trainers.views import ViewSettings, make_views

OFF = ViewSettings(crop=False, flip=False, jitter=False, gray=False, blur=False)


def batch(count: int = 64, size: int = 16) -> tuple[torch.Tensor, Seeds]:
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, size, size), np.uint8))
    return pictures, view_seeds(7, 3, 0, count)


def test_splitmix_gives_the_published_first_numbers() -> None:
    # The reference outputs of SplitMix64 from state 1234567 (Vigna's splitmix64.c).
    state, expected = 1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [mix(state + i * 0x9E3779B97F4A7C15) for i in range(3)] == expected
    u = uniforms(torch.tensor([1234567]), 3)[0]
    np.testing.assert_allclose(u, [x / 2**64 for x in expected], atol=1e-7)


def test_host_and_device_make_the_same_numbers() -> None:
    seeds = view_seeds(3, 8, 1, 50)
    assert np.array_equal(host_uniforms(seeds, 13), uniforms(torch.from_numpy(seeds), 13).numpy())


def test_uniform_numbers_are_uniform_and_unrelated() -> None:
    u = uniforms(torch.from_numpy(view_seeds(0, 1, 0, 20_000)), 4).numpy()
    assert u.min() >= 0
    assert u.max() < 1
    for column in u.T:
        counts = np.histogram(column, 10, (0, 1))[0]
        assert abs(counts - 2_000).max() < 200
    assert abs(np.corrcoef(u.T) - np.eye(4)).max() < 0.03


def test_nothing_on_returns_the_picture() -> None:
    pictures, seeds = batch()
    assert torch.equal(make_views(pictures, seeds, OFF), pictures.float() / 255)


def test_a_batch_equals_its_views_made_one_by_one() -> None:
    pictures, seeds = batch()
    settings = ViewSettings(blur=True)
    whole = make_views(pictures, seeds, settings)
    for i in (0, 13, 63):
        one = make_views(pictures[i : i + 1], seeds[i : i + 1], settings)
        torch.testing.assert_close(whole[i : i + 1], one, atol=1e-6, rtol=0)
    assert whole.min() >= -1e-6
    assert whole.max() <= 1 + 1e-6


def test_each_switch_changes_only_its_share() -> None:
    pictures, seeds = batch(2_000, 8)
    plain = pictures.float() / 255
    for name, share in (("flip", 0.5), ("jitter", 0.8), ("gray", 0.2), ("blur", 0.5)):
        on = make_views(pictures, seeds, ViewSettings(**{**vars(OFF), name: True}))
        changed = ((on - plain).abs().amax((1, 2, 3)) > 1e-4).float().mean()
        # A hair of blur leaves a picture as it is, so its share may fall a little short.
        assert share - 0.06 < changed < share + 0.04, name


def test_a_flip_is_a_mirror_and_gray_has_no_colour() -> None:
    pictures, seeds = batch()
    plain = pictures.float() / 255
    flipped = make_views(pictures, seeds, ViewSettings(**{**vars(OFF), "flip": True}))
    for a, b in zip(plain, flipped, strict=True):
        assert torch.allclose(b, a, atol=1e-5) or torch.allclose(b, a.flip(2), atol=1e-5)
    gray = make_views(pictures, seeds, ViewSettings(**{**vars(OFF), "gray": True}))
    spread = (gray.amax(1) - gray.amin(1)).amax((1, 2))
    assert 0 < int((spread < 1e-6).sum()) < len(gray)


def test_switching_one_off_leaves_the_draws_of_the_others() -> None:
    pictures, seeds = batch()
    both = make_views(pictures, seeds, ViewSettings(**{**vars(OFF), "flip": True, "gray": True}))
    flip = make_views(pictures, seeds, ViewSettings(**{**vars(OFF), "flip": True}))
    gray = make_views(pictures, seeds, ViewSettings(**{**vars(OFF), "gray": True}))
    untouched_by_gray = (gray - pictures.float() / 255).abs().amax((1, 2, 3)) < 1e-6
    torch.testing.assert_close(both[untouched_by_gray], flip[untouched_by_gray])


def test_a_pass_visits_images_once_and_depends_on_seed_and_step_alone() -> None:
    a, b = Sampler(5, 103, 10), Sampler(5, 103, 10)
    first = np.concatenate([a.images(step) for step in range(1, 11)])
    assert len(set(first.tolist())) == 100
    assert b.images(7).tolist() == a.images(7).tolist()
    assert a.images(11).tolist() != a.images(1).tolist()
    assert Sampler(6, 103, 10).images(7).tolist() != a.images(7).tolist()
