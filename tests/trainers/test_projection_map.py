"""The map's axes are the pictures': they stay, cannot mirror, and show what is stale."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from no_host import no_host
from small import SMALL, images, pictures, train

from trainers.config import RunConfig
from trainers.dictionary import random_unit
from trainers.encoders import frozen_statistics
from trainers.methods import make_trainer
from trainers.projection_map import (
    MAP_TEMPERATURE,
    MOST_PICTURES,
    Landmarks,
    choose_landmarks,
    circle,
    positions,
)
from trainers.trainer import Trainer

CPU = torch.device("cpu")


def unit(count: int, dim: int, seed: int = 0) -> torch.Tensor:
    return random_unit(count, dim, torch.Generator().manual_seed(seed), CPU)


def places(count: int) -> torch.Tensor:
    return torch.from_numpy(circle(count))


def turn(dim: int, seed: int = 5, mirror: bool = False) -> torch.Tensor:
    """An orthogonal matrix, a rotation or a reflection."""
    q = torch.linalg.qr(torch.randn(dim, dim, generator=torch.Generator().manual_seed(seed)))[0]
    if (torch.linalg.det(q) < 0) != mirror:
        q[:, 0] *= -1
    return q


def landmarks_now(trainer: Trainer, landmarks: Landmarks) -> torch.Tensor:
    plain = trainer.pictures[torch.from_numpy(landmarks.batch())].float() / 255
    with frozen_statistics(trainer.encoder):
        return landmarks.of(trainer.encoder(plain))


class TestPlaces:
    def test_an_embedding_at_a_landmark_lies_towards_its_place_as_far_as_the_softmax_says(self) -> None:
        J = 10
        landmarks = torch.eye(J, 32)
        sharp = math.exp(1 / MAP_TEMPERATURE)
        expected = (sharp - 1) / (sharp + J - 1) * places(J)
        torch.testing.assert_close(positions(landmarks, landmarks, places(J)), expected)

    def test_what_resembles_no_landmark_or_all_alike_lies_in_the_middle(self) -> None:
        landmarks = torch.eye(10, 32)
        nothing_like_them = torch.eye(32)[20:]
        alike = torch.nn.functional.normalize(landmarks.sum(0, keepdim=True), dim=1)
        for x in (nothing_like_them, alike):
            assert float(positions(x, landmarks, places(10)).abs().max()) < 1e-6

    def test_a_collapsed_encoder_is_one_point_in_the_middle(self) -> None:
        one = unit(1, 16)
        at = positions(one.expand(40, 16), one.expand(10, 16), places(10))
        assert float(at.abs().max()) < 1e-6

    def test_keys_of_a_forgotten_encoder_gather_in_the_middle(self) -> None:
        landmarks = torch.eye(10, 128)
        today = torch.nn.functional.normalize(landmarks.repeat(20, 1) + 0.3 * unit(200, 128), dim=1)
        forgotten = today @ turn(128)
        near, far = (positions(x, landmarks, places(10)).norm(dim=1).mean() for x in (forgotten, today))
        assert float(near) < 0.2 < 0.8 < float(far)

    @pytest.mark.parametrize("count", [2, 3, 16])
    def test_positions_stay_inside_the_circle(self, count: int) -> None:
        x = torch.cat([unit(500, 8, 1), unit(count, 8, 2), -unit(count, 8, 2)])
        at = positions(x, unit(count, 8, 2), places(count))
        assert at.dtype == torch.float32
        assert at.shape == (len(x), 2)
        assert float(at.norm(dim=1).max()) <= 1


class TestStillness:
    @pytest.mark.parametrize("mirror", [False, True])
    def test_no_rotation_and_no_reflection_of_the_space_moves_anything(self, mirror: bool) -> None:
        x, landmarks, q = unit(300, 24, 1), unit(10, 24, 2), turn(24, mirror=mirror)
        before = positions(x, landmarks, places(10))
        torch.testing.assert_close(positions(x @ q, landmarks @ q, places(10)), before, atol=1e-5, rtol=0)

    @pytest.mark.parametrize("size", [0.01, 0.1, 1.0])
    def test_a_position_moves_no_further_than_the_bound_says(self, size: float) -> None:
        for seed in range(20):
            x, landmarks = unit(200, 6, seed), unit(8, 6, seed + 50)
            x2 = torch.nn.functional.normalize(x + size * unit(200, 6, seed + 100), dim=1)
            landmarks2 = torch.nn.functional.normalize(landmarks + size * unit(8, 6, seed + 150), dim=1)
            moved = (positions(x2, landmarks2, places(8)) - positions(x, landmarks, places(8))).norm(dim=1)
            bound = ((x2 - x).norm(dim=1) + (landmarks2 - landmarks).norm(dim=1).max()) / MAP_TEMPERATURE
            assert (moved <= bound).all()

    def test_the_steepest_place_comes_near_the_bound(self) -> None:
        """Half way between two opposite landmarks: a bound that nothing reaches would test nothing."""
        landmarks, middle = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]), torch.tensor([[0.0, 1.0, 0]])
        moved = torch.tensor([[0.01, (1 - 1e-4) ** 0.5, 0]])
        way = (positions(moved, landmarks, places(2)) - positions(middle, landmarks, places(2))).norm()
        assert float(way) == pytest.approx(0.01 / MAP_TEMPERATURE, rel=0.01)


class TestLandmarks:
    def test_they_follow_from_pictures_and_labels_alone(self) -> None:
        x, y = pictures(300, 0)
        first, again = choose_landmarks(x, y), choose_landmarks(x.copy(), y.copy())
        assert np.array_equal(first.pictures, again.pictures)
        assert first.pictures.shape == (4, MOST_PICTURES // 4)

    def test_each_class_is_one_landmark_where_there_are_few(self) -> None:
        x, y = pictures(300, 0)
        of = y[choose_landmarks(x, y).pictures]
        assert (of == of[:, :1]).all()
        assert sorted(of[:, 0].tolist()) == [0, 1, 2, 3]

    @pytest.mark.parametrize("labels", ["none", "one", "two", "many"])
    def test_without_classes_of_use_sectors_of_colour_stand_in(self, labels: str) -> None:
        x, colour = pictures(400, 0)
        y = {"none": None, "one": colour * 0, "two": colour % 2, "many": np.arange(400) % 100}[labels]
        found = choose_landmarks(x, y)
        assert found.pictures.shape == (12, 5)
        mostly_one = [np.bincount(colour[group], minlength=4).max() for group in found.pictures]
        assert np.mean(mostly_one) > 4  # of five: the colours are what tells these pictures apart

    def test_landmarks_of_like_colours_are_neighbours(self) -> None:
        hue = np.arange(8) * np.pi / 4
        colours = np.stack([128 + 90 * np.cos(hue), 128 + 90 * np.sin(hue), np.full(8, 128)], 1)
        scattered = np.array([3, 6, 1, 0, 7, 4, 2, 5])
        y = np.repeat(np.arange(8), 6)
        x = np.broadcast_to(colours[scattered][y][:, :, None, None], (48, 3, 8, 8)).astype(np.uint8)
        around = scattered[y[choose_landmarks(x, y).pictures[:, 0]]]
        steps = set(((np.roll(around, -1) - around) % 8).tolist())
        assert steps in ({1}, {7})  # once around the colour circle, one way or the other

    @pytest.mark.parametrize("count", [2, 5])
    def test_a_tiny_set_has_a_map_too(self, count: int) -> None:
        found = choose_landmarks(pictures(count, 0)[0], None)
        assert set(found.pictures.flatten().tolist()) == set(range(count))
        assert np.isfinite(found.places).all()

    def test_pictures_all_alike_have_a_map_too(self) -> None:
        found = choose_landmarks(np.zeros((30, 3, 8, 8), np.uint8), np.arange(30) % 5)
        assert found.pictures.shape == (5, 12)

    def test_the_batch_is_begun_again_up_to_a_multiple_and_changes_no_landmark(self) -> None:
        found = choose_landmarks(*pictures(300, 0))
        z = unit(MOST_PICTURES, 8)
        assert len(found.batch()) == 64
        assert len(found.batch(24)) == 72
        assert np.array_equal(found.batch(24)[64:], found.batch()[:8])
        assert torch.equal(found.of(torch.cat([z, unit(8, 8, 1)])), found.of(z))
        mean = z[:16].mean(0)
        torch.testing.assert_close(found.of(z)[0], mean / mean.norm())


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
def test_an_ab_pair_starts_on_one_map_and_a_restored_run_goes_on_in_its_own(method: str) -> None:
    a, b, c = (make_trainer(RunConfig(method=method, seed=4, **SMALL), images(), CPU) for _ in range(3))
    chosen = [choose_landmarks(t.images.images, t.images.labels) for t in (a, b, c)]
    x = unit(50, SMALL["embedding_dim"])

    def at(trainer: Trainer, landmarks: Landmarks) -> torch.Tensor:
        return positions(x, landmarks_now(trainer, landmarks), torch.from_numpy(landmarks.places))

    assert torch.equal(at(a, chosen[0]), at(b, chosen[1]))
    train(a, 3)
    c.load_state_dict(copy.deepcopy(a.state_dict()))
    assert torch.equal(at(a, chosen[0]), at(c, chosen[2]))
    assert not torch.equal(at(a, chosen[0]), at(b, chosen[1]))  # the landmarks are encoded by today's weights


def test_nothing_waits_for_the_host() -> None:
    found, z, x = choose_landmarks(*pictures(60, 0)), unit(64, 8), unit(9, 8, 1)
    at = places(4)
    with no_host():
        positions(x, found.of(z), at)
